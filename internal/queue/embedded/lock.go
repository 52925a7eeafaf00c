package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/travishook/travishook/internal/queue/embedded/filestore"
)

// Lock is the lock of a store's directory: only one process has it, and the kernel releases it when the process
// ends, however it ends.
type Lock struct {
	dir  string
	at   fs.FileInfo              // of the directory
	file atomic.Pointer[lockFile] // replaced by renew
}

type lockFile struct {
	*os.File
	is fs.FileInfo
}

const lockName = "lock"

// InUseError says that another process has the lock.
type InUseError struct {
	// Stopping says that the other process is about to release it.
	Stopping bool
}

// ErrRemoved says that a person has removed or replaced files of a store that is open. What was in them may be lost.
var ErrRemoved = filestore.ErrRemoved

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
	file, err := openLock(dir, lockName)
	if err != nil {
		return nil, err
	}
	l := &Lock{dir: dir}
	if err := l.take(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	l.write(lockServing)
	return l, nil
}

// openLock opens a file to be locked.
func openLock(dir, name string) (*os.File, error) {
	if dir == "" {
		return nil, errors.New("the store needs a directory")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, advise(fmt.Errorf("make directory: %w", err))
	}
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, advise(fmt.Errorf("the directory is not writable: %w", err))
	}
	return file, nil
}

// take locks the file, and remembers which files it and the directory are.
func (l *Lock) take(file *os.File) error {
	err := flock(file)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return inUse(file)
	}
	var is fs.FileInfo
	if err == nil {
		is, err = file.Stat()
	}
	if err == nil {
		l.at, err = os.Stat(l.dir)
	}
	if err != nil {
		return fmt.Errorf("lock directory: %w", err)
	}
	l.file.Store(&lockFile{file, is})
	return nil
}

func flock(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// inUse reads what the owner of the lock has written.
func inUse(file *os.File) error {
	content := make([]byte, len(lockStopping))
	n, _ := file.ReadAt(content, 0) // only a hint
	return &InUseError{Stopping: string(content[:n]) == lockStopping}
}

// held returns an error if the lock's file is not in the directory any more: another process can lock that then.
func (l *Lock) held() error {
	at, err := os.Stat(filepath.Join(l.dir, lockName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the store's lock: %w", err)
	}
	if err != nil || !os.SameFile(at, l.file.Load().is) {
		return fmt.Errorf("the store's lock was %w: stop it before you change its files", ErrRemoved)
	}
	return nil
}

// renew locks the directory again if the lock's file is not there any more. Another directory at the same path may
// be that of a volume that was unmounted: nothing is written there.
func (l *Lock) renew() error {
	if l.held() == nil {
		return nil
	}
	if at, err := os.Stat(l.dir); err != nil || !os.SameFile(at, l.at) {
		return fmt.Errorf("the store's directory %s was %w: put it back, or restart the operator to use the one that is there", l.dir, ErrRemoved)
	}
	renewed, err := TryLock(l.dir)
	if err != nil {
		return err
	}
	return l.file.Swap(renewed.file.Load()).Close()
}

// write changes the file. It is only a hint for a process that waits, so a full volume does not matter.
func (l *Lock) write(content string) { _, _ = l.file.Load().WriteAt([]byte(content), 0) }

// Stopping tells a process that waits for the lock that it is released soon.
func (l *Lock) Stopping() { l.write(lockStopping) }

// Release lets another process have the lock.
func (l *Lock) Release() error { return l.file.Load().Close() }
