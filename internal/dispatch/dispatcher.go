package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/keylock"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
)

// Queue is what the dispatcher uses of the store. See queue.Queue.
type Queue interface {
	SetSlots(lane queue.Lane, attempts int)
	Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error)
	Settle(ctx context.Context, id string, o queue.Outcome) error
	Wake(ctx context.Context, change func(queue.Target) queue.Change) (int, error)
	Drop(ctx context.Context, gone func(queue.Target) bool, reason string) (int, error)
}

// Resolver looks up a target in the current table. An error other than ErrRouteDeleted and
// ErrChannelRemoved means that something is missing that may still appear: the delivery waits for it.
type Resolver interface {
	Resolve(t queue.Target) (Resolved, error)
	// Removed reports whether Resolve returns one of these two errors.
	Removed(t queue.Target) bool
}

// Recorder receives every attempt whose outcome is stored.
type Recorder interface {
	Attempted(record.Attempt)
	TemplateFailed(d queue.Delivery, err error)
}

// Config configures a Dispatcher. All fields are required, except Peers.
type Config struct {
	Queue    Queue
	Resolver Resolver
	Pool     *Pool
	Peers    Peers // nil where no other replica shares the store
	Shared   bool  // other replicas may share the store
	Record   Recorder
	Log      logr.Logger
	// RetryLimit is how long a delivery is retried before it becomes a dead letter.
	RetryLimit time.Duration
}

// Dispatcher sends deliveries while Run runs.
type Dispatcher struct {
	config       Config
	pace         *pace
	destinations keylock.Map[string] // held while a message is sent
	tests        *tests

	changed chan struct{} // signals a new table
	tables  struct {
		sync.Mutex
		latest *routing.Table
	}
}

// New returns a Dispatcher that does nothing until Run.
func New(c Config) *Dispatcher {
	if c.Peers == nil {
		c.Peers = &replica.Single{}
	}
	return &Dispatcher{
		config:  c,
		pace:    newPace(),
		tests:   newTests(),
		changed: make(chan struct{}, 1),
	}
}

// errUnfinished is returned if a service does not return after its context has ended.
var errUnfinished = errors.New("stop sending: attempts are still under way; they will be made again")

// Run sends until ctx ends, then lets the attempts under way finish, within a limit. Attempts that do
// not finish are not settled and will be made again. It closes the pool.
func (d *Dispatcher) Run(ctx context.Context) error {
	attempts, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	d.join()
	var running sync.WaitGroup
	for lane, slots := range map[queue.Lane]int{queue.Healthy: healthyAttempts, queue.Probation: probationAttempts} {
		d.config.Queue.SetSlots(lane, slots)
		running.Go(func() { d.sendLane(ctx, attempts, lane, &running) })
	}
	running.Go(func() { d.followTable(ctx) })
	done := make(chan struct{})
	go func() {
		running.Wait()
		d.config.Pool.Close()
		close(done)
	}()

	<-ctx.Done()
	deadline := time.AfterFunc(drainTime, cut)
	defer deadline.Stop()
	select {
	case <-done:
		return nil
	case <-time.After(StopTimeout):
		return errUnfinished
	}
}

// retryStore calls the store until it succeeds; it returns false when ctx ended before.
func (d *Dispatcher) retryStore(ctx context.Context, operation string, call func() error) bool {
	for wait := storeRetryFirst; ; wait = min(2*wait, storeRetryMost) {
		err := call()
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		}
		if wait == storeRetryFirst { // hundreds may be retrying
			d.config.Log.Error(err, "store does not answer; retrying", "operation", operation)
		}
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// sleep returns false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// unresolved marks an error of Resolve as missing, unless the target was deleted. Where replicas share the
// store, another one may have stored the event with a newer table: for a while, a target that this table
// lacks may be new and not deleted.
func unresolved(delivery queue.Delivery, err error) error {
	switch {
	case err == nil:
		return nil
	case !removed(err):
		return &missingError{err}
	case delivery.LeaseLost != nil && time.Since(delivery.Accepted) < tableLag:
		return fmt.Errorf("not known to this replica, whose table may be outdated: %s", err.Error())
	}
	return err
}
