package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// firstReopenPause is the pause after the first failed attempt to bring the log back. It doubles up
	// to Options.MaxReopenPause.
	firstReopenPause = 250 * time.Millisecond
	recoverTimeout   = 5 * time.Minute // of one attempt: replaying a large journal takes a while
)

// fail makes the store refuse everything until awaitRecovery has succeeded.
func (e *Engine) fail(cause error) error {
	e.mu.Lock()
	if e.down == nil {
		e.recovered = make(chan struct{})
	}
	e.down = cause
	refused := e.pending
	e.pending = nil
	e.mu.Unlock()
	e.logger.Error(cause, "store does not answer; events are refused until it does")
	err := fmt.Errorf("%w: %w", queue.ErrUnavailable, cause)
	for _, r := range refused {
		r.finish(err)
	}
	return err
}

// awaitRecovery retries until the log works again or the engine is closed. It applies messages that were stored
// although the append was not answered, so that the state matches the log. It runs in the committer.
func (e *Engine) awaitRecovery() {
	for pause := firstReopenPause; ; pause = min(2*pause, e.opt.MaxReopenPause) {
		err := e.recover()
		if err == nil {
			break
		}
		e.mu.Lock()
		e.down = err // the cause may have changed, and a person may be able to fix it
		e.mu.Unlock()
		e.logger.Error(err, "store does not answer yet", "retryIn", pause.String())
		select {
		case <-e.clock.After(pause):
		case <-e.closing:
			return
		}
	}
	e.mu.Lock()
	e.correctInherited() // a log that fails again and again leaves no time for the pulse
	e.down = nil
	close(e.recovered)
	e.mu.Unlock()
	e.signalLanes()
	e.logger.Info("store answers again")
}

// recover reopens the log, applies new messages and tests a write: after a disk was full, reads work long
// before writes do.
func (e *Engine) recover() error {
	ctx, cancel := context.WithTimeout(e.ctx, recoverTimeout)
	defer cancel()
	if err := e.log.Reopen(ctx); err != nil {
		return err
	}
	if err := e.catchUp(ctx); err != nil {
		return err
	}
	writing, done := context.WithTimeout(ctx, e.opt.IOTimeout)
	defer done()
	seq, err := e.appendEmpty(writing)
	if err != nil && !errors.Is(err, wal.ErrFull) {
		return fmt.Errorf("append to journal: %w", err)
	}
	if err == nil {
		e.apply(seq, nil, 0)
	}
	return nil
}

// appendEmpty appends an empty message, after those of other processes.
func (e *Engine) appendEmpty(ctx context.Context) (uint64, error) {
	for {
		seq, err := e.log.Append(ctx, nil, e.last)
		if !errors.Is(err, wal.ErrConflict) || ctx.Err() != nil {
			return seq, err
		}
		if err := e.awaitUpdate(); err != nil {
			return 0, err
		}
	}
}

// catchUpAttempts is how often catchUp starts again when another process trims the log meanwhile.
const catchUpAttempts = 4

// catchUp applies all messages after the last applied one.
func (e *Engine) catchUp(ctx context.Context) (err error) {
	for range catchUpAttempts {
		if err = e.readNew(ctx); !errors.Is(err, wal.ErrGone) {
			return err
		}
	}
	return err
}

// progressInterval is how often the log reports how far a long journal was read.
const progressInterval = 5 * time.Second

// readProgress returns a function that is called with each message that was read.
func (e *Engine) readProgress(last uint64) func(seq uint64) {
	next := e.clock.Now().Add(progressInterval)
	return func(seq uint64) {
		if now := e.clock.Now(); now.After(next) {
			next = now.Add(progressInterval)
			e.logger.Info("journal is being read", "message", seq, "last", last)
		}
	}
}

// readNew applies the messages after the last applied one. ErrGone means that another process has purged some of
// them meanwhile.
func (e *Engine) readNew(ctx context.Context) error {
	x, err := e.log.Extent(ctx)
	if err != nil {
		return err
	}
	if err := e.checkEnd(x); err != nil {
		return err
	}
	if x.First > e.last+1 && e.updates != nil {
		e.startOver(x.First)
	}
	if x.First > e.last+1 {
		return fmt.Errorf("the journal begins at message %d, and message %d is missing", x.First, e.last+1)
	}
	e.setFirst(x.First) // after a purge by another process or one that was not answered
	if x.Last > e.last {
		reading := e.readProgress(x.Last)
		err = e.log.Replay(ctx, e.last+1, func(seq uint64, data []byte) error {
			if err := e.noteSkipped(ctx, seq); err != nil {
				return err
			}
			entries, err := journal.Split(data)
			if err != nil {
				return fmt.Errorf("replay message %d: %w", seq, err)
			}
			e.countUnreadable(seq, entries)
			reading(seq)
			e.applyRemote(seq, entries, len(data))
			return nil
		})
		if err == nil {
			err = e.noteSkipped(ctx, x.Last+1)
		}
		if err != nil {
			return err
		}
		e.noteFindings()
	}
	e.noteMissing(x)
	e.mu.Lock()
	if x.Last == e.last { // else it has grown since
		e.bytes = x.Bytes
	}
	e.endRereading()
	e.mu.Unlock()
	return nil
}
