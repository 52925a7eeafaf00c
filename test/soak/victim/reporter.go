package victim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// reporter prints on standard output which outcomes are stored and which leases are lost. What is in the pipe can
// be read after the process is killed.
type reporter struct {
	queue.Queue
	retryWithin time.Duration

	printing sync.Mutex
	mu       sync.Mutex
	settled  map[string]chan struct{} // by delivery under way; closed when it is settled
}

func newReporter(q queue.Queue, retryWithin time.Duration) *reporter {
	return &reporter{Queue: q, retryWithin: retryWithin, settled: map[string]chan struct{}{}}
}

// Take implements queue.Queue.
func (w *reporter) Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error) {
	d, err := w.Queue.Take(ctx, lane)
	if err == nil && d.LeaseLost != nil {
		w.follow(d)
	}
	return d, err
}

func (w *reporter) follow(d queue.Delivery) {
	settled := make(chan struct{})
	w.mu.Lock()
	w.settled[d.ID] = settled
	w.mu.Unlock()
	go func() {
		select {
		case <-d.LeaseLost:
			w.say(lost, d.ID)
		case <-settled:
		}
	}()
}

// Settle implements queue.Queue.
func (w *reporter) Settle(ctx context.Context, id string, o queue.Outcome) error {
	if soon := o.At.Add(w.retryWithin); w.retryWithin > 0 && o.Kind == queue.Retry && o.Due.After(soon) {
		o.Due = soon
	}
	err := w.Queue.Settle(ctx, id, o)
	if err == nil {
		w.say(string(o.Kind), id)
		w.forget(id)
	}
	return err
}

func (w *reporter) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if settled, ok := w.settled[id]; ok {
		close(settled)
		delete(w.settled, id)
	}
}

// ended prints a delivery that the store dropped without handing it out.
func (w *reporter) ended(s queue.Summary) {
	if s.Last.Kind == queue.Dropped {
		w.say(string(queue.Dropped), s.ID, s.Build, s.Target.Address)
	}
}

func (w *reporter) say(words ...string) {
	w.printing.Lock()
	defer w.printing.Unlock()
	fmt.Println(strings.Join(words, " "))
}
