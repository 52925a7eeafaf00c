package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
)

// Queue is what sending needs of the store.
type Queue interface {
	Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error)
	Settle(ctx context.Context, id string, o queue.Outcome) error
	Wake(ctx context.Context, change func(queue.Target) queue.Change) (int, error)
}

// Resolver looks a target up as it stands now. Besides ErrRouteDeleted and ErrChannelRemoved, an
// error means that something is missing which can still appear: the delivery waits for it.
type Resolver interface {
	Resolve(t queue.Target) (Resolved, error)
}

// Recorder is told of every attempt whose outcome is stored.
type Recorder interface {
	Attempted(record.Attempt)
	TemplateFailed(d queue.Delivery, err error)
}

// Config is what a Dispatcher works with; all of it is needed, but for Peers.
type Config struct {
	Queue    Queue
	Resolver Resolver
	Pool     *Pool
	Peers    Peers // nil where no other replica shares the store
	Record   Recorder
	Log      logr.Logger
	// RetryLimit is how long a delivery is tried before it is dead.
	RetryLimit time.Duration
}

// Dispatcher sends deliveries from Run's start to its end.
type Dispatcher struct {
	config Config
	pace   *pace
	rooms  rooms
	slow   chan struct{} // places of attempts that take longer than slowAfter

	changed chan struct{}
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
		rooms:   rooms{busy: map[string]chan struct{}{}},
		slow:    make(chan struct{}, slowAttempts),
		changed: make(chan struct{}, 1),
	}
}

// errUnfinished is a service that did not obey the end of its attempt.
var errUnfinished = errors.New("stop sending: attempts are still under way; they will be made again")

// Run sends until ctx ends, then lets the attempts under way finish, within a bound. What does
// not finish is not settled, so it will be sent again. It closes the pool.
func (d *Dispatcher) Run(ctx context.Context) error {
	attempts, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	d.join()
	var running sync.WaitGroup
	running.Go(func() { d.lane(ctx, attempts, queue.Healthy, healthyAttempts) })
	running.Go(func() { d.lane(ctx, attempts, queue.Probation, probationAttempts) })
	running.Go(func() { d.heal(ctx) })
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

// untilStored tries what the store must do until it has done it, and returns false when ctx
// ended before.
func (d *Dispatcher) untilStored(ctx context.Context, doing string, try func() error) bool {
	for wait := storePauseFirst; ; wait = min(2*wait, storePauseMost) {
		err := try()
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		}
		if wait == storePauseFirst { // once is enough for hundreds who try
			d.config.Log.Error(err, "the store does not answer; trying again", "reason", doing)
		}
		if !pause(ctx, wait) {
			return false
		}
	}
}

// pause waits; it returns false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// unresolved marks what Resolve could not find as missing, unless it is gone for good. Where replicas
// share the store, another one may have stored the event by a newer table than this one has yet: so
// for a while what is gone may be what is new.
func unresolved(delivery queue.Delivery, err error) error {
	if !errors.Is(err, ErrRouteDeleted) && !errors.Is(err, ErrChannelRemoved) {
		return &missingError{err}
	}
	if delivery.LeaseLost != nil && time.Since(delivery.Accepted) < tableLag {
		return fmt.Errorf("not known to this replica, which may be behind: %s", err.Error())
	}
	return err
}
