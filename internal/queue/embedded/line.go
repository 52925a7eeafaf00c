package embedded

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Line is a process's place in the line for a store's lock. The next process in line holds a lock of its own, so that
// one that comes later does not take the store before it: it may hold webhooks for which there is no time left.
type Line struct {
	Dir  string
	next *os.File // locked if this process is the next one
}

const nextName = "next"

// TryLock is like the function TryLock, and keeps the process's place if it returns an InUseError.
func (l *Line) TryLock() (*Lock, error) {
	first, err := l.step()
	if err != nil {
		return nil, err
	}
	if !first {
		return nil, l.behind()
	}
	lock, err := TryLock(l.Dir)
	if _, waits := errors.AsType[*InUseError](err); !waits {
		l.Leave()
	}
	return lock, err
}

// step reports whether this process is the next one in line.
func (l *Line) step() (bool, error) {
	if l.next != nil {
		return true, nil
	}
	file, err := openLock(l.Dir, nextName)
	if err != nil {
		return false, err
	}
	switch err := flock(file); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, file.Close()
	case err != nil:
		return false, errors.Join(fmt.Errorf("wait for the lock of the directory: %w", err), file.Close())
	}
	l.next = file
	return true, nil
}

// behind is the error of a process that is not the next one.
func (l *Line) behind() error {
	file, err := openLock(l.Dir, lockName)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	return inUse(file)
}

// Leave gives up the place.
func (l *Line) Leave() {
	if l.next != nil {
		_ = l.next.Close() // which releases the lock
		l.next = nil
	}
}
