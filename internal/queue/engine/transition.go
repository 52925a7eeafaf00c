package engine

import (
	"context"
	"slices"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/travis"
)

// Which targets match an event may depend on how the build before it ended. That is decided outside of the
// committer, because filters are evaluated, and confirmed right before the entry is stored: if another build
// of the branch has ended meanwhile, and the event's result is another one now, its targets are matched again.

// comparison is an offer with the transition by which its targets are matched.
type comparison struct {
	offer      queue.Offer
	event      *travis.Event // as Travis sent it
	history    journal.ID
	transition *travis.Transition
}

// compare compares the event with the build before it, for each namespace.
func (e *Engine) compare(a *queue.Acceptance) (compared []comparison, remote uint64, err error) {
	compared = make([]comparison, len(a.Offers))
	for i, o := range a.Offers {
		compared[i] = comparison{offer: o, event: &a.Event, history: journal.HistoryID(&a.Event, o.Namespace)}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(); err != nil {
		return nil, 0, err
	}
	now := e.trustedNow()
	for i := range compared {
		compared[i].transition = journal.TransitionOf(&a.Event, e.state.Runs(compared[i].history, now))
	}
	return compared, e.remote, nil
}

// finish returns a request that records how a build ended that no target matches; nil if that is recorded
// already, or if there is no room.
func (e *Engine) finish(c comparison, at time.Time) (*request, error) {
	if !journal.Decisive(c.event) {
		return nil, nil
	}
	r, err := newRequest(journal.Entry{Finish: journal.NewFinish(c.event, c.offer.Namespace, at)})
	if err != nil {
		return nil, err
	}
	r.unmatched = true
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state.Finished(c.event, c.history, e.trustedNow()) || e.room(r.entry.Size()) != nil ||
		e.state.Room(c.offer.Namespace, r.entry.Size(), nil, e.limits()) != nil {
		return nil, nil
	}
	return r, nil
}

// decide removes from the batch what others have stored meanwhile, and returns what to append. nothing is
// true if all of the batch is stored already.
func (e *Engine) decide(batch []*request) (entries []journal.Entry, nothing bool, err error) {
	nothing = true
	ends := ends{}
	for _, r := range batch {
		e.recompare(r, ends)
		switch {
		case r.decide != nil:
			r.failed = r.decideNow()
			r.void = r.failed != nil || r.entry.Size() == 0
		case r.void:
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

// ends are the histories after what is stored in a batch.
type ends map[journal.ID][]journal.Run

// recompare compares a build with the one before it again, right before its request is stored and after those before
// it in the batch. If the event's result has changed, the request is stale.
func (e *Engine) recompare(r *request, batch ends) {
	if r.void || r.event == nil || !journal.Decisive(r.event) {
		return
	}
	runs, ok := batch[r.history]
	if !ok {
		e.mu.Lock()
		runs = e.state.Runs(r.history, e.trustedNow())
		e.mu.Unlock()
	}
	if r.result(journal.TransitionOf(r.event, runs)) != r.result(r.transition) {
		r.stale, r.void = true, true
		return
	}
	batch[r.history] = journal.WithRun(runs, r.event)
}

// result returns the event's result according to a transition.
func (c *comparison) result(t *travis.Transition) travis.Result {
	if t == nil {
		return c.event.Build.Result
	}
	return t.Computed
}

// acceptAgain offers the event to the namespaces for which its result has changed.
func (e *Engine) acceptAgain(ctx context.Context, a queue.Acceptance, offers []queue.Offer, receipt queue.Receipt) (queue.Receipt, error) {
	if len(offers) == 0 {
		return receipt, nil
	}
	for _, o := range offers {
		receipt.Unmatched = slices.DeleteFunc(receipt.Unmatched, func(n string) bool { return n == o.Namespace })
		delete(receipt.Transitions, o.Namespace)
	}
	a.Offers = offers
	more, err := e.Accept(ctx, a)
	if err != nil {
		return queue.Receipt{}, err
	}
	receipt.Stored = append(receipt.Stored, more.Stored...)
	receipt.Seen = append(receipt.Seen, more.Seen...)
	receipt.Unmatched = append(receipt.Unmatched, more.Unmatched...)
	for namespace, err := range more.Refused {
		refuse(&receipt, namespace, err)
	}
	for namespace, t := range more.Transitions {
		noteTransition(&receipt, namespace, t)
	}
	return receipt, nil
}

func noteTransition(receipt *queue.Receipt, namespace string, t *travis.Transition) {
	if receipt.Transitions == nil {
		receipt.Transitions = map[string]*travis.Transition{}
	}
	receipt.Transitions[namespace] = t
}
