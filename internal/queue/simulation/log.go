package simulation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

// processLog is the stream as one process reaches it: over a network, or on a disk, that may fail.
type processLog struct {
	p       *process
	s       *stream
	network bool // several processes share the stream; else it is a disk of the process's own

	appends, extents, purges, replays atomic.Uint64

	mu      sync.Mutex
	reads   map[uint64]uint64 // by message, how often it was asked for
	updates chan wal.Message
}

const (
	// patience is how long a log over the network repeats a question.
	patience = 20 * time.Second
	// largestMessage is what the servers take.
	largestMessage = 1 << 20
)

var (
	errDead   = errors.New("the process is dead")
	errDevice = errors.New("input/output error")
)

func newProcessLog(p *process, s *stream, network bool) *processLog {
	return &processLog{p: p, s: s, network: network, reads: map[uint64]uint64{}}
}

// fate is what becomes of an operation.
type fate int

const (
	succeeds   fate = iota
	lostBefore      // it never reaches the stream, and is not answered
	lostAfter       // it is done, and not answered
	doneLate        // it is done long after the caller's timeout
	slow            // it takes seconds
	crashesBefore
	crashesAfter
	fails // at once
)

// fateOf decides what becomes of one operation.
func (l *processLog) fateOf(d dice) fate {
	sim := l.p.sim
	if !sim.disturbed() {
		return succeeds
	}
	f := d.of("fate").fraction()
	for _, c := range []struct {
		chance float64
		fate   fate
	}{
		{sim.plan.crash / 2, crashesBefore},
		{sim.plan.crash / 2, crashesAfter},
		{sim.plan.lose / 3, lostBefore},
		{sim.plan.lose / 3, lostAfter},
		{sim.plan.lose / 3, l.either(doneLate, fails)},
		{sim.plan.slow, slow},
	} {
		if f -= c.chance; f < 0 {
			return c.fate
		}
	}
	return succeeds
}

func (l *processLog) either(network, disk fate) fate {
	if l.network {
		return network
	}
	return disk
}

// Append stores data after last, unless something comes in between.
func (l *processLog) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	d := l.p.dice.of("append", l.appends.Add(1))
	fate := l.fateOf(d)
	if err := l.reach(ctx, d, fate); err != nil {
		if errors.Is(err, errDead) && l.network && d.of("in flight").chance(0.5) {
			_, _ = l.s.append(data, last) // it was on its way when the process died
		}
		return 0, err
	}
	if err := l.beforeAppend(ctx, d, fate, data, last); err != nil {
		return 0, err
	}
	if !l.network && l.p.sim.diskFull() {
		return 0, fmt.Errorf("%w: no space left on device", errDevice)
	}
	seq, err := l.s.append(data, last)
	switch {
	case fate == crashesAfter:
		l.p.crash()
		return 0, errDead
	case errors.Is(err, wal.ErrConflict):
		l.p.sim.ledger.count(func(c *counts) { c.Conflicts++ })
	case fate == lostAfter:
		return 0, l.unanswered(ctx)
	}
	if sleepErr := l.p.sleep(ctx, d.of("back").skewed(l.latency())); sleepErr != nil {
		return 0, sleepErr
	}
	l.p.sim.trace.note(l.p, "append %d bytes after %d: %d %v", len(data), last, seq, err)
	return seq, err
}

// beforeAppend returns an error where the append's fate has it fail without an answer from the stream.
func (l *processLog) beforeAppend(ctx context.Context, d dice, f fate, data []byte, last uint64) error {
	switch f {
	case crashesBefore:
		l.p.crash()
		return errDead
	case lostBefore:
		return l.unanswered(ctx)
	case doneLate:
		l.p.sim.later(d.of("late").duration(0, 3*patience), func() { _, _ = l.s.append(data, last) })
		return l.unanswered(ctx)
	case fails:
		if d.of("stored").chance(0.5) {
			_, _ = l.s.append(data, last)
		}
		return errDevice
	}
	return nil
}

// latency of one way.
func (l *processLog) latency() (low, high time.Duration) {
	if l.network {
		return 100 * time.Microsecond, 5 * time.Millisecond
	}
	return 20 * time.Microsecond, 2 * time.Millisecond
}

// reach takes the time until the stream has what is sent to it. While the process is cut off, nothing
// reaches the stream.
func (l *processLog) reach(ctx context.Context, d dice, f fate) error {
	wait := d.of("out").skewed(l.latency())
	if f == slow {
		wait += d.of("slow").skewed(50*time.Millisecond, patience)
	}
	if err := l.p.sleep(ctx, wait); err != nil {
		return l.explain(err)
	}
	for l.p.sim.cutOff(l.p.replica) {
		if err := l.p.sleep(ctx, 100*time.Millisecond); err != nil {
			return l.explain(err)
		}
	}
	return nil
}

func (l *processLog) explain(err error) error {
	if errors.Is(err, errDead) {
		return err
	}
	return fmt.Errorf("%w: %w", wal.ErrUnanswered, err)
}

// unanswered waits for an answer that never comes.
func (l *processLog) unanswered(ctx context.Context) error {
	l.p.sim.ledger.count(func(c *counts) { c.Unanswered++ })
	if err := l.p.sleep(ctx, patience); err != nil {
		return l.explain(err)
	}
	return wal.ErrUnanswered
}

// ask is what all operations but Append have in common: do is done, or is not.
func (l *processLog) ask(ctx context.Context, d dice, do func()) error {
	fate := l.fateOf(d)
	if err := l.reach(ctx, d, fate); err != nil {
		return err
	}
	switch fate {
	case crashesBefore:
		l.p.crash()
		return errDead
	case lostBefore, doneLate:
		return l.unanswered(ctx)
	case fails:
		return errDevice
	}
	do()
	switch fate {
	case crashesAfter:
		l.p.crash()
		return errDead
	case lostAfter:
		return l.unanswered(ctx)
	}
	return nil
}

// Read returns one message.
func (l *processLog) Read(ctx context.Context, seq uint64) (data []byte, err error) {
	l.mu.Lock()
	l.reads[seq]++
	d := l.p.dice.of("read", seq, l.reads[seq])
	l.mu.Unlock()
	if asked := l.ask(ctx, d, func() { data, err = l.s.read(seq) }); asked != nil {
		return nil, asked
	}
	return data, err
}

// Replay calls fn with the messages that there are.
func (l *processLog) Replay(ctx context.Context, from uint64, fn func(seq uint64, data []byte) error) error {
	d := l.p.dice.of("replay", l.replays.Add(1))
	var x wal.Extent
	if err := l.ask(ctx, d, func() { x = l.s.extent() }); err != nil {
		return err
	}
	for seq := from; seq <= x.Last; seq++ {
		if seq%64 == 0 {
			if err := l.p.sleep(ctx, time.Millisecond); err != nil {
				return l.explain(err)
			}
		}
		data, err := l.s.read(seq)
		switch {
		case err != nil && seq >= l.s.extent().First:
			continue // it is damaged
		case err != nil:
			return err
		}
		if err := fn(seq, data); err != nil {
			return err
		}
	}
	return nil
}

// Purge drops the messages before seq.
func (l *processLog) Purge(ctx context.Context, seq uint64) error {
	l.p.sim.ledger.count(func(c *counts) { c.Trims++ })
	err := l.ask(ctx, l.p.dice.of("purge", l.purges.Add(1)), func() { l.s.purge(seq) })
	l.p.sim.trace.note(l.p, "purge before %d: %v", seq, err)
	return err
}

// Extent returns which messages there are.
func (l *processLog) Extent(ctx context.Context) (x wal.Extent, err error) {
	err = l.ask(ctx, l.p.dice.of("extent", l.extents.Add(1)), func() { x = l.s.extent() })
	return x, err
}

// Reopen has nothing to do: what fails, fails for a while.
func (l *processLog) Reopen(ctx context.Context) error {
	_, err := l.Extent(ctx)
	return err
}

// Close ends nothing: the stream is not the process's.
func (l *processLog) Close(context.Context) error { return nil }

// MaxMessage is the largest message in bytes.
func (l *processLog) MaxMessage() int { return largestMessage }
