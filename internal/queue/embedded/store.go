package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/travishook/travishook/internal/queue/engine"
)

// OpenStore opens a store in a directory: an engine on an embedded log. The directory needs 1.5 times
// opt.MaxBytes.
func OpenStore(ctx context.Context, dir string, opt engine.Options) (*engine.Engine, error) {
	lock, err := TryLock(dir)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	return OpenLockedStore(ctx, lock, opt)
}

// Check returns an error if this program cannot open the store in a directory with that limit, as far as that can be
// seen while another process has it open.
func Check(dir string, maxBytes int64) error {
	_, err := (&directory{path: dir}).check()
	return errors.Join(advise(err), engine.CheckLimit(maxBytes))
}

// OpenLockedStore opens a store in a locked directory. The store releases the lock when it is closed, or cannot be opened.
// The error is syscall.ENOSPC if the volume is full, and also if it is the server that says so.
func OpenLockedStore(ctx context.Context, lock *Lock, opt engine.Options) (*engine.Engine, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = engine.DefaultMaxBytes
	}
	if err := engine.CheckLimit(opt.MaxBytes); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	log, err := openLog(ctx, logOptions{Lock: lock, Limit: opt.MaxBytes, Log: opt.Logger})
	if err != nil {
		return nil, advise(recognizeFull(err))
	}
	opt.Log = log
	e, err := engine.Open(ctx, opt)
	if err != nil {
		return nil, errors.Join(recognizeFull(err), log.Close(ctx))
	}
	return e, nil
}

// recognizeFull makes an error of the server, of which only the text arrives, comparable to syscall.ENOSPC.
func recognizeFull(err error) error {
	if !errors.Is(err, syscall.ENOSPC) && strings.HasSuffix(err.Error(), syscall.ENOSPC.Error()) {
		return fullError{err}
	}
	return err
}

type fullError struct{ error }

func (e fullError) Unwrap() error { return e.error }

func (fullError) Is(target error) bool { return target == syscall.ENOSPC }

// advise adds to an error about a file that is there, but is of another kind or may not be used, what to do about it.
func advise(err error) error {
	if at := (*fs.PathError)(nil); !errors.As(err, &at) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; let user %d read and write all files of the store", err, os.Getuid())
	}
	for _, kind := range []error{syscall.EISDIR, syscall.ENOTDIR, syscall.ELOOP, fs.ErrExist, fs.ErrNotExist} {
		if errors.Is(err, kind) {
			return fmt.Errorf("%w; a part of this path is not what the operator made: put back what was there, or move it away to go on without it", err)
		}
	}
	return err
}
