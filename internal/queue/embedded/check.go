package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

// checkPause is the time between two attempts to check the store's files.
const checkPause = 100 * time.Millisecond

// check checks the store's files until ctx ends. A check that fails, for example because too many files are open,
// does not say that they were removed, and is repeated.
func (l *embedded) check(ctx context.Context, files func() error) error {
	var reason error // of the last attempt that has ended, if one has
	for {
		err := within(ctx, "check the files of the store", files)
		if err == nil || errors.Is(err, ErrRemoved) {
			return err
		}
		if reason == nil {
			l.log.Info("files of the store cannot be checked; retrying", "reason", err.Error())
		}
		if reason == nil || !errors.Is(err, wal.ErrUnanswered) {
			reason = err
		}
		select {
		case <-time.After(checkPause):
		case <-ctx.Done():
			return reason
		}
	}
}

// within returns wal.ErrUnanswered if ctx ends before do, which takes as long as the disk: it goes on then.
func within(ctx context.Context, what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, wal.ErrUnanswered)
	}
}
