package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Lock is the lock of a store's directory: only one process has it, and the kernel releases it when the process
// ends, however it ends.
type Lock struct {
	dir  string
	file *os.File
}

// InUseError says that another process has the lock.
type InUseError struct {
	// Stopping says that the other process is about to release it.
	Stopping bool
}

// Error implements error.
func (*InUseError) Error() string {
	return "another process has the store open: stop it, or choose another directory"
}

// The content of the lock's file. Both texts have the same length, so that it can be changed on a full volume.
const (
	lockServing  = "serving \n"
	lockStopping = "stopping\n"
)

// TryLock locks a directory, and creates it if necessary. It returns an InUseError if another process has the lock.
func TryLock(dir string) (*Lock, error) {
	if dir == "" {
		return nil, errors.New("the store needs a directory")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the directory is not writable: %w", err)
	}
	l := &Lock{dir: dir, file: file}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = l.inUse()
		} else {
			err = fmt.Errorf("lock directory: %w", err)
		}
		_ = file.Close()
		return nil, err
	}
	l.write(lockServing)
	return l, nil
}

// inUse reads what the owner of the lock has written.
func (l *Lock) inUse() error {
	content := make([]byte, len(lockStopping))
	n, _ := l.file.ReadAt(content, 0) // only a hint
	return &InUseError{Stopping: string(content[:n]) == lockStopping}
}

// write changes the file. It is only a hint for a process that waits, so a full volume does not matter.
func (l *Lock) write(content string) { _, _ = l.file.WriteAt([]byte(content), 0) }

// Stopping tells a process that waits for the lock that it is released soon.
func (l *Lock) Stopping() { l.write(lockStopping) }

// Release lets another process have the lock.
func (l *Lock) Release() error { return l.file.Close() }
