package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// Where several replicas write one log, each applies what the others append, in the log's order.
// An append names the message it follows, so one of two that come at once is refused; its replica
// applies the other's message and decides again. All of this runs in the committer.

// peers are what the engine needs where others share its log.
type peers struct {
	feed      <-chan message
	keeper    *keeper
	heard     time.Time  // when another's message was last applied
	looked    time.Time  // when the log's extent was last asked for
	turn      time.Time  // until when another replica wants to append alone
	untold    bool       // this replica has trimmed the log, and the others do not know how far
	answering *answering // nil until somebody answers
}

const (
	// lookEvery bounds how far the state is behind when the tail is silent though others write.
	lookEvery = time.Second
	// feedPatience is how long the tail has to bring a message that is known to exist.
	feedPatience = 50 * time.Millisecond
	// Whoever has appended knows first what is next, and would be first again and again: it
	// gives way to the others for a moment, while they write.
	wayTime = 3 * time.Millisecond
	// turnTime is for the replica that trims to append what it carries, without being overtaken.
	turnTime    = 50 * time.Millisecond
	wayInterval = time.Second
)

// fed are the messages of others; nil, which never brings one, where there are none.
func (e *Engine) fed() <-chan message {
	if e.peers == nil {
		return nil
	}
	return e.peers.feed
}

// heed applies a message of the tail. Most are our own, and applied already.
func (e *Engine) heed(m message) {
	if err := e.foreign(m); err != nil {
		_ = e.fail(fmt.Errorf("follow journal: %w", err))
		e.heal()
	}
}

func (e *Engine) foreign(m message) error {
	switch {
	case m.seq <= e.last:
		return nil
	case m.seq > e.last+1:
		ctx, cancel := context.WithTimeout(e.ctx, healTimeout)
		defer cancel()
		return e.catchUp(ctx)
	}
	e.peers.heard = time.Now()
	entries, err := journal.Split(m.data)
	if err != nil {
		return fmt.Errorf("message %d: %w", m.seq, err)
	}
	e.apply(m.seq, entries, len(m.data))
	return nil
}

// follow applies what others have appended, after an append of ours was refused for it.
func (e *Engine) follow() error {
	err := e.followed()
	if err != nil {
		return e.fail(fmt.Errorf("follow journal: %w", err))
	}
	return nil
}

func (e *Engine) followed() error {
	for before := e.last; e.last == before; {
		select {
		case m := <-e.peers.feed:
			if err := e.foreign(m); err != nil {
				return err
			}
		case <-time.After(feedPatience):
			// The tail is slow, or the other's message was never committed.
			return e.look()
		case <-e.ctx.Done():
			return e.ctx.Err()
		}
	}
	return nil
}

// look asks for the log's extent, and applies what is missing.
func (e *Engine) look() error {
	ctx, cancel := context.WithTimeout(e.ctx, healTimeout)
	defer cancel()
	e.peers.looked = time.Now()
	return e.catchUp(ctx)
}

// giveWay lets the others append.
func (e *Engine) giveWay() {
	if e.peers == nil || time.Since(e.peers.heard) > wayInterval {
		return
	}
	way := time.NewTimer(wayTime)
	defer way.Stop()
	for before := e.last; e.last == before; {
		select {
		case m := <-e.peers.feed:
			e.heed(m)
		case <-way.C:
			return
		case <-e.closing:
			return
		}
	}
}

// awaitTurn lets the replica that trims append, for the moment that it has asked for.
func (e *Engine) awaitTurn() {
	if e.peers == nil || e.peers.turn.IsZero() {
		return
	}
	over := time.NewTimer(time.Until(e.peers.turn))
	defer over.Stop()
	for !e.peers.turn.IsZero() {
		select {
		case m := <-e.peers.feed:
			e.heed(m)
		case <-over.C:
			e.peers.turn = time.Time{}
		case <-e.closing:
			return
		}
	}
}

// glance looks now and then whether the tail is up to date.
func (e *Engine) glance() {
	if e.peers == nil || time.Since(e.peers.looked) < lookEvery {
		return
	}
	if err := e.look(); err != nil {
		_ = e.fail(fmt.Errorf("follow journal: %w", err))
		e.heal()
	}
}

// begin gives up what is known, for the log's beginning has moved beyond it: this replica was
// away for longer than what it missed was kept. Nothing is handed out until the log's end is reached:
// what was carried is told there, and halfway the state is that of no moment there was.
func (e *Engine) begin(first uint64) {
	e.logger.Info("Store is read anew: others have trimmed what this replica had not read yet")
	fresh := journal.New(e.opt.Remember)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.leases {
		l.lose() // what has arrived is settled all the same
	}
	for shard := range e.held {
		fresh.Hold(shard, false)
	}
	e.state, e.beginning = fresh, true
	e.last = first - 1
}

// begun has what is held handed out again, once all of the log is applied. The caller holds the lock.
func (e *Engine) begun() {
	if !e.beginning {
		return
	}
	e.beginning = false
	for shard, held := range e.held {
		e.state.Hold(shard, held)
	}
	e.signal(e.ready[queue.Healthy])
	e.signal(e.ready[queue.Probation])
}

// decide drops from the batch what others have stored meanwhile, and returns what to append.
// nothing is true where all of the batch is known to be stored.
func (e *Engine) decide(batch []*request) (entries []journal.Entry, nothing bool, err error) {
	nothing = true
	for _, r := range batch {
		switch {
		case r.decide != nil:
			r.failed = r.decide()
			r.void = r.failed != nil || r.entry.Size() == 0
		case e.peers == nil || r.void:
		case r.entry.Accept != nil:
			if err := e.redecide(r); err != nil {
				return nil, false, err
			}
		case r.lease != nil:
			r.void = e.overruled(r)
		}
		nothing = nothing && r.void
		if r.entry.Size() > 0 && !r.void {
			entries = append(entries, r.entry)
		}
	}
	return entries, nothing, nil
}

func (e *Engine) redecide(r *request) error {
	a := r.entry.Accept
	e.mu.Lock()
	fresh, seen := e.state.Fresh(journal.EventID(&a.Event), a.Offers, e.sure())
	e.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	r.seen = append(r.seen, seen...)
	if r.void = len(fresh) == 0; r.void {
		return nil
	}
	r.entry = journal.Entry{Accept: &journal.Accept{At: a.At, Event: a.Event, Offers: fresh}}
	return r.entry.Encode()
}

// overruled reports whether another replica may be sending what r says did not arrive, or moves: only
// what has arrived is worth storing then. A replica that takes a shard up appends before it sends, so
// that an append of ours that was under way is refused, and this is asked again.
func (e *Engine) overruled(r *request) bool {
	if s := r.entry.Settle; s != nil && s.Outcome.Kind == queue.Delivered {
		return false
	}
	e.mu.Lock()
	gone := r.lease.gone
	e.mu.Unlock()
	return gone || !e.peers.keeper.owns(r.lease.shard)
}

// amend moves to Seen what another replica stored while we were about to.
func (r *request) amend(receipt queue.Receipt) queue.Receipt {
	receipt.Seen = append(receipt.Seen, r.seen...)
	receipt.Stored = slices.DeleteFunc(receipt.Stored, func(ns string) bool { return slices.Contains(r.seen, ns) })
	return receipt
}

// barrier returns when all that was stored before is applied: an empty message that is
// appended proves it.
func (e *Engine) barrier(ctx context.Context) error {
	r := &request{after: func() {}, done: make(chan struct{})}
	if err := e.submit(r); err != nil {
		return err
	}
	return r.wait(ctx)
}

// overtaken reports whether a step of trimming failed because another replica wrote, and follows.
func (e *Engine) overtaken(err error) bool {
	if e.peers == nil || errors.Is(err, queue.ErrUnavailable) || !errors.Is(err, errConflict) && !errors.Is(err, errGone) {
		return false
	}
	return e.look() == nil
}
