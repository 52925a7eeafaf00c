package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/travis"
)

var _ queue.Queue = (*Engine)(nil)

// Engine is a queue.Queue that keeps its journal in a log.
type Engine struct {
	opt      Options
	log      wal.Log
	clock    clock.Clock
	logger   logr.Logger
	maxEntry int

	mu       sync.Mutex
	state    *journal.State
	events   *cache[journal.Position, *travis.Event]
	messages *cache[uint64, []byte]
	leases   map[journal.ID]*lease // the latest of each delivery
	taken    uint64                // leases so far
	claims   map[journal.ID]chan struct{}
	refused  map[string]time.Duration // namespaces beyond their share, when an event was last refused
	watchers []func(namespace, route string)
	enders   []func(queue.Summary)
	pending  []*request
	// acceptedAt is when the last event was accepted.
	acceptedAt time.Time
	down       error         // why the store is unavailable, or nil
	recovered  chan struct{} // closed when it is available again
	closed     bool
	bytes      int64 // the log's approximate size

	time      timekeeper
	stored    time.Duration // the elapsed time when the last message was applied
	inherited bool          // due times may come from another clock; see fromTheFuture

	sends     [queue.Shards]bool // the shards whose deliveries are handed out
	rereading bool               // the log is being read again from its beginning; see startOver
	remote    uint64             // messages applied that this process did not append
	slots     [2]int             // attempts at once, by lane

	work    chan struct{}    // the committer has something to do
	ready   [2]chan struct{} // a lane may have something to hand out
	closing chan struct{}
	stopped chan struct{}
	ctx     context.Context // of the committer's I/O
	abort   context.CancelFunc

	// Changed by the committer only, which reads them without the lock.
	mark  wal.HighWater
	first uint64 // message of the log

	unstored []queue.Loss // not in the journal yet
	missing  uint64       // missing messages that were reported, at unknown places

	// The committer's own.
	last        uint64 // message of the log
	found       findings
	short       time.Time     // since when the log has ended before the last applied message
	opened      wal.HighWater // the mark beside the log when it was opened
	hangs       error         // why the last append's mark was not kept, if the disk hangs
	pass        pass
	updates     <-chan wal.Message // appended messages; nil if no other process appends
	othersWrote time.Time          // when a message of another process was last applied
	random      *rand.Rand
	polled      time.Time // when the log's extent was last read
}

// Open replays the log and starts the engine. An error says what to do; nothing is deleted to work around
// it. After an error the caller must close the log.
func Open(ctx context.Context, opt Options) (*Engine, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	e := newEngine(opt)
	e.ctx, e.abort = context.WithCancel(context.WithoutCancel(ctx))
	begin := e.clock.Now()
	x, err := e.log.Extent(ctx)
	if err != nil {
		return nil, err
	}
	e.last = x.First - 1
	e.openMark(x)
	if err := e.catchUp(ctx); err != nil {
		return nil, err
	}
	e.identify(x)
	e.compareKnown()
	if err := e.keepMark(true); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.clampDueTimes(e.now())
	e.mu.Unlock()
	s := e.state.Stats()
	e.logger.Info("store is open", "waiting", s.Waiting, "dead", s.Dead, "bytes", e.bytes,
		"took", e.clock.Since(begin).Round(time.Millisecond).String())
	go e.run()
	return e, nil
}

func newEngine(opt Options) *Engine {
	e := &Engine{
		opt: opt, log: opt.Log, clock: opt.Clock, logger: opt.Logger,
		maxEntry: min(maxEntry, (opt.Log.MaxMessage()-headerBytes)/8*5),
		state:    journal.New(opt.Remember),
		events:   newCache[journal.Position, *travis.Event](eventBytes),
		messages: newCache[uint64, []byte](messageBytes),
		leases:   map[journal.ID]*lease{},
		claims:   map[journal.ID]chan struct{}{},
		refused:  map[string]time.Duration{},
		work:     make(chan struct{}, 1),
		ready:    [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)},
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
		time:     newTimekeeper(opt.Clock),
		updates:  opt.Log.Updates(),
		random:   rand.New(rand.NewPCG(opt.Seed, 0)), //nolint:gosec // nothing secret depends on it
	}
	for shard := range e.sends {
		e.sends[shard] = opt.Shards.Sends(shard)
		e.state.SetSends(shard, e.sends[shard])
	}
	return e
}

// run is the committer.
func (e *Engine) run() {
	defer close(e.stopped)
	expiry := e.clock.NewTimer(expiryInterval)
	defer expiry.Stop()
	pulse := e.clock.NewTimer(pulseInterval)
	defer pulse.Stop()
	poll := e.pollTicker()
	defer poll.Stop()
	for {
		e.pollIfDue()
		batch, wait := e.gather()
		if len(batch) > 0 {
			e.commit(batch)
		}
		if e.trim() || len(batch) > 0 {
			continue
		}
		select {
		case <-after(wait):
		case m := <-e.updates:
			e.applyUpdate(m)
		case <-poll.C:
		case <-e.work:
		case <-expiry.C():
			expiry.Reset(e.expire())
		case <-pulse.C():
			e.pulse()
			pulse.Reset(pulseInterval)
		case <-e.closing:
			e.undefer()
			if batch, _ = e.gather(); len(batch) == 0 {
				return
			}
			e.commit(batch)
		}
	}
}

// after returns a channel that fires after d, or never if d is zero.
func after(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
}

// Close refuses new requests, stores pending ones, and closes the log. If ctx ends first, it drops pending
// requests, which were not confirmed to anyone.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	first := !e.closed
	e.closed = true
	e.mu.Unlock()
	if !first {
		<-e.stopped
		return nil
	}
	close(e.closing)
	stop := context.AfterFunc(ctx, e.abort)
	<-e.stopped
	stop()
	e.abort()
	return e.log.Close(ctx)
}

// Ready returns nil if the store can accept an event now.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(); err != nil {
		return err
	}
	if err := e.room(usualEvent); err != nil {
		return err
	}
	return e.state.Room("", usualEvent, nil, e.limits())
}

// usualEvent is a size that few events exceed, with their targets.
const usualEvent = 16 << 10

var errClosed = errors.New("the store is being closed")

// refusal returns why the store accepts no events, or nil. The caller holds the lock.
func (e *Engine) refusal() error {
	switch {
	case e.closed:
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, errClosed)
	case e.down != nil:
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, e.down)
	}
	return nil
}

// acceptLimit is the size of the log at which events are refused. It is above that of what is alive, so
// that a namespace which finds room beside the others also finds it in the log, whatever has ended there.
func (e *Engine) acceptLimit() int64 { return e.opt.MaxBytes + wal.Reserve(e.opt.MaxBytes)/4 }

// room returns an error if an event of that many bytes would exceed what the log may hold. The caller
// holds the lock.
func (e *Engine) room(size int) error {
	if e.bytes+int64(size) > e.acceptLimit() {
		e.signal(e.work) // the committer checks whether there is something to drop
		return fmt.Errorf("%w: it holds %d of %d bytes", queue.ErrFull, e.bytes, e.opt.MaxBytes)
	}
	return nil
}

// OnChange has fn called when the outcome of a route's delivery is stored.
func (e *Engine) OnChange(fn func(namespace, route string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers = append(e.watchers, fn)
}

// OnEnd has fn called for each delivery that was delivered or dropped.
func (e *Engine) OnEnd(fn func(queue.Summary)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.enders = append(e.enders, fn)
}

// Stats are figures for metrics.
type Stats struct {
	journal.Stats
	Bytes, MaxBytes int64
	MaxMemory       int64
}

// Stats returns the sizes of the store.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		Stats: e.state.Stats(), Bytes: e.bytes, MaxBytes: e.opt.MaxBytes, MaxMemory: e.opt.MaxMemory,
	}
}

// signal wakes one goroutine that waits on c, now or later.
func (e *Engine) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (e *Engine) signalLanes() {
	e.signal(e.ready[queue.Healthy])
	e.signal(e.ready[queue.Probation])
}
