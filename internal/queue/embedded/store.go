package embedded

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"github.com/travishook/travishook/internal/queue/engine"
)

// OpenStore opens a store in a directory: an engine on an embedded log. The directory needs 1.5 times
// opt.MaxBytes. The error is syscall.ENOSPC if the volume is full, and also if it is the server that says so.
func OpenStore(ctx context.Context, dir string, opt engine.Options) (*engine.Engine, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = engine.DefaultMaxBytes
	}
	if err := engine.CheckLimit(opt.MaxBytes); err != nil {
		return nil, err
	}
	log, err := Open(ctx, Options{Dir: dir, Limit: opt.MaxBytes, Log: opt.Logger})
	if err != nil {
		return nil, recognizeFull(err)
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
