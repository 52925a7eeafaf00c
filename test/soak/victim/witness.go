package victim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// witness says on standard output which outcomes the store has answered for, and which deliveries
// became another replica's: a pipe outlives who wrote to it.
type witness struct {
	queue.Queue
	retryWithin time.Duration

	speaking sync.Mutex
	mu       sync.Mutex
	settled  map[string]chan struct{} // of what is under way: closed when it is settled
}

func newWitness(q queue.Queue, retryWithin time.Duration) *witness {
	return &witness{Queue: q, retryWithin: retryWithin, settled: map[string]chan struct{}{}}
}

// Take implements queue.Queue.
func (w *witness) Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error) {
	d, err := w.Queue.Take(ctx, lane)
	if err == nil && d.LeaseLost != nil {
		w.follow(d)
	}
	return d, err
}

func (w *witness) follow(d queue.Delivery) {
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
func (w *witness) Settle(ctx context.Context, id string, o queue.Outcome) error {
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

func (w *witness) forget(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if settled, ok := w.settled[id]; ok {
		close(settled)
		delete(w.settled, id)
	}
}

// ended says what the store has dropped by itself: that was never handed out.
func (w *witness) ended(s queue.Summary) {
	if s.Last.Kind == queue.Dropped {
		w.say(string(queue.Dropped), s.ID, s.Build, s.Target.Address)
	}
}

func (w *witness) say(words ...string) {
	w.speaking.Lock()
	defer w.speaking.Unlock()
	fmt.Println(strings.Join(words, " "))
}
