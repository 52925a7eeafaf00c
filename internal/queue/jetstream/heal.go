package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// The pause between attempts to bring the log back doubles from the first to the last.
const (
	firstHealPause = 250 * time.Millisecond
	lastHealPause  = 30 * time.Second
	// A cluster is only asked, and not restarted: that can be done often, and what was sent must
	// be settled before another replica may send it again.
	lastAskPause = time.Second
	healTimeout  = 5 * time.Minute // of one attempt: replaying a large journal takes a while
)

// fail stops the store: all that is asked of it is refused until heal is done.
func (e *Engine) fail(cause error) error {
	e.mu.Lock()
	if e.down == nil {
		e.healed = make(chan struct{})
	}
	e.down = cause
	refused := e.pending
	e.pending = nil
	e.mu.Unlock()
	e.logger.Error(cause, "Store does not answer; events are refused until it does")
	err := fmt.Errorf("%w: %w", queue.ErrUnavailable, cause)
	for _, r := range refused {
		r.finish(err)
	}
	return err
}

// heal tries until the log is back or the engine is closed. What was stored without our
// knowing is applied then, so the state is that of the log again. It runs in the committer.
func (e *Engine) heal() {
	longest := lastHealPause
	if e.peers != nil {
		longest = lastAskPause
	}
	for pause := firstHealPause; ; pause = min(2*pause, longest) {
		err := e.recover()
		if err == nil {
			break
		}
		e.mu.Lock()
		e.down = err // it may be another than at first, and what a person can mend
		e.mu.Unlock()
		e.logger.Error(err, fmt.Sprintf("Store does not answer yet; trying again in %v", pause))
		select {
		case <-e.clock.After(pause):
		case <-e.closing:
			return
		}
	}
	e.mu.Lock()
	e.down = nil
	close(e.healed)
	e.mu.Unlock()
	e.signal(e.ready[queue.Healthy])
	e.signal(e.ready[queue.Probation])
	e.logger.Info("Store answers again")
}

// recover reopens the log, applies what is new in it and shows that it can be written: after
// a disk was full, it can be read long before.
func (e *Engine) recover() error {
	ctx, cancel := context.WithTimeout(e.ctx, healTimeout)
	defer cancel()
	if err := e.log.reopen(ctx); err != nil {
		return err
	}
	if err := e.catchUp(ctx); err != nil {
		return err
	}
	writing, done := context.WithTimeout(ctx, e.opt.ioTimeout)
	defer done()
	seq, err := e.prove(writing)
	if err != nil && !errors.Is(err, errLogFull) {
		return fmt.Errorf("append to journal: %w", err)
	}
	if err == nil {
		e.apply(seq, nil, 0)
	}
	return nil
}

// prove appends an empty message.
func (e *Engine) prove(ctx context.Context) (uint64, error) {
	for {
		seq, err := e.log.append(ctx, nil, e.last)
		if e.peers == nil || !errors.Is(err, errConflict) {
			return seq, err
		}
		if err := e.followed(); err != nil {
			return 0, err
		}
	}
}

// catchUp applies what the log holds after the last message that was applied. Where others write
// the log, they may trim what is just being read.
func (e *Engine) catchUp(ctx context.Context) error {
	err := e.readOn(ctx)
	for again := 0; again < 3 && e.peers != nil && errors.Is(err, errGone); again++ {
		err = e.readOn(ctx)
	}
	return err
}

func (e *Engine) readOn(ctx context.Context) error {
	x, err := e.log.extent(ctx)
	if err != nil {
		return err
	}
	if x.last < e.last {
		return fmt.Errorf("the journal ends at message %d, and message %d was stored before: the volume lost data, or an older copy of it was restored; restart to go on with what is left", x.last, e.last)
	}
	if x.first > e.last+1 && e.peers != nil {
		e.begin(x.first)
	}
	if x.first > e.last+1 {
		return fmt.Errorf("the journal begins at message %d, and message %d is missing", x.first, e.last+1)
	}
	e.first = x.first // what was purged without our knowing
	if x.last > e.last {
		err = e.log.replay(ctx, e.last+1, func(seq uint64, data []byte) error {
			entries, err := journal.Split(data)
			if err != nil {
				return fmt.Errorf("replay message %d: %w", seq, err)
			}
			e.apply(seq, entries, len(data))
			return nil
		})
		if err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.bytes = x.bytes
	e.begun()
	e.mu.Unlock()
	return nil
}
