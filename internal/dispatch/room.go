package dispatch

import (
	"context"
	"sync"
)

// rooms lets one attempt at a time speak in a room, as notify.Notifier is promised. Deliveries of
// one channel come one at a time anyway; a test message comes when a person likes.
type rooms struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the room is free
}

// enter waits until the room is free. leave must be called; the error is ctx's.
func (r *rooms) enter(ctx context.Context, room string) (leave func(), err error) {
	for {
		r.mu.Lock()
		other, busy := r.busy[room]
		if !busy {
			mine := make(chan struct{})
			r.busy[room] = mine
			r.mu.Unlock()
			return func() { r.leave(room, mine) }, nil
		}
		r.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (r *rooms) leave(room string, mine chan struct{}) {
	r.mu.Lock()
	delete(r.busy, room)
	r.mu.Unlock()
	close(mine)
}
