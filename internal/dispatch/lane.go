package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// lane takes deliveries and makes up to width attempts at a time, each in a goroutine of its
// own, until ctx ends; the attempts themselves live as long as attempts does.
func (d *Dispatcher) lane(ctx, attempts context.Context, lane queue.Lane, width int) {
	places := make(chan struct{}, width)
	var running sync.WaitGroup
	defer running.Wait()
	for occupy(ctx, places) {
		delivery, ok := d.take(ctx, lane)
		if !ok {
			return
		}
		running.Go(func() {
			if d.awaitTurn(ctx, places, delivery.Target.Channel) {
				p := &place{in: places}
				defer p.leave()
				defer time.AfterFunc(slowAfter, func() { p.move(d.slow) }).Stop()
				d.handle(attempts, delivery)
			}
		})
	}
}

// take waits for a delivery; it returns false when ctx ended before.
func (d *Dispatcher) take(ctx context.Context, lane queue.Lane) (delivery queue.Delivery, ok bool) {
	ok = d.untilStored(ctx, "take delivery", func() (err error) {
		delivery, err = d.config.Queue.Take(ctx, lane)
		return err
	})
	return delivery, ok
}

// awaitTurn waits until the channel may be written to again. Those who wait give their place to
// others. It returns false, and has no place any more, when ctx ended before.
func (d *Dispatcher) awaitTurn(ctx context.Context, places chan struct{}, channel string) bool {
	wait := d.pace.reserve(channel, time.Now())
	if wait == 0 {
		return true
	}
	<-places
	return pause(ctx, wait) && occupy(ctx, places)
}

// occupy waits for a place; it returns false when ctx ended before.
func occupy(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// place is one that an attempt has among those of its lane.
type place struct {
	mu   sync.Mutex
	in   chan struct{}
	left bool
}

// move changes to another place if there is one free.
func (p *place) move(to chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return
	}
	select {
	case to <- struct{}{}:
		<-p.in
		p.in = to
	default:
	}
}

func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	<-p.in
	p.left = true
}
