package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/travis"
)

var _ queue.Queue = (*Engine)(nil)

// Engine is a queue.Queue that keeps its journal in JetStream.
type Engine struct {
	opt    Options
	log    log
	clock  clock.Clock
	logger logr.Logger

	mu       sync.Mutex
	state    *journal.State
	events   *cache[journal.Position, *travis.Event]
	messages *cache[uint64, []byte]
	leases   map[journal.ID]*lease
	claims   map[journal.ID]chan struct{}
	watchers []func(namespace, route string)
	enders   []func(queue.Summary)
	leave    func(gone func(home string) bool) (quiet <-chan struct{})
	pending  []*request
	down     error         // why nothing can be stored, or nil
	healed   chan struct{} // closed when it can be again
	closed   bool
	bytes    int64 // of the log, about

	time      timekeeper
	stored    time.Duration // what had passed when the last message was applied
	inherited bool          // there are deliveries that another replica's clock told to wait

	held      [queue.Shards]bool // of those that other replicas may hold; see peers
	beginning bool               // the log is being read anew; see begin
	maxEntry  int

	work    chan struct{}    // the committer has something to do
	ready   [2]chan struct{} // a lane may have something to hand out
	closing chan struct{}
	stopped chan struct{}
	ctx     context.Context // of the committer's I/O
	abort   context.CancelFunc

	// The committer's own.
	first, last uint64 // messages of the log
	pass        pass
	peers       *peers // nil where nobody else writes the log
}

// Open starts the embedded server on the directory, and replays what it holds. An error says
// what to do about it; nothing is ever deleted to get past one.
func Open(ctx context.Context, opt Options) (*Engine, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	if opt.External != nil {
		return openShared(ctx, opt)
	}
	l, err := openEmbedded(ctx, &opt)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", opt.Dir, err)
	}
	e, err := open(ctx, opt, l)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", opt.Dir, err), l.close(ctx))
	}
	return e, nil
}

func open(ctx context.Context, opt Options, l log) (*Engine, error) {
	e := &Engine{
		opt: opt, log: l, clock: opt.Clock, logger: opt.Log, maxEntry: maxEntry,
		state:    journal.New(opt.Remember),
		events:   newCache[journal.Position, *travis.Event](eventBytes),
		messages: newCache[uint64, []byte](messageBytes),
		leases:   map[journal.ID]*lease{},
		claims:   map[journal.ID]chan struct{}{},
		work:     make(chan struct{}, 1),
		ready:    [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)},
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
		time:     newTimekeeper(opt.Clock),
	}
	e.ctx, e.abort = context.WithCancel(context.WithoutCancel(ctx))
	if shared, ok := l.(*external); ok {
		if err := e.share(ctx, shared); err != nil {
			return nil, err
		}
	}
	begin := e.clock.Now()
	x, err := l.extent(ctx)
	if err != nil {
		return nil, err
	}
	e.last = x.first - 1
	if err := e.catchUp(ctx); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.rewind(e.now())
	e.mu.Unlock()
	s := e.state.Stats()
	e.logger.Info(fmt.Sprintf("Store is open: %d deliveries wait and %d are dead, in %d bytes, read in %v",
		s.Waiting, s.Dead, e.bytes, e.clock.Since(begin).Round(time.Millisecond)))
	if shared, ok := l.(*external); ok {
		shared.tail(e.last + 1)
	}
	go e.run()
	return e, nil
}

// Close refuses what comes, stores what has come, and ends the server. When ctx ends first, it
// gives up what is not stored yet: nobody was told that it was.
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
	if e.peers != nil {
		e.peers.answering.end(ctx)
		e.peers.keeper.end(ctx)
	}
	return e.log.close(ctx)
}

// Ready is nil when the store can take an event now.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refusal(); err != nil {
		return err
	}
	return e.room(usualEvent)
}

// usualEvent is the bytes that an event takes, with its targets, but for few.
const usualEvent = 16 << 10

// refusal says why nothing can be stored, if so. The caller holds the lock.
func (e *Engine) refusal() error {
	switch {
	case e.closed:
		return fmt.Errorf("%w: it is being closed", queue.ErrUnavailable)
	case e.down != nil:
		return fmt.Errorf("%w: %w", queue.ErrUnavailable, e.down)
	}
	return nil
}

// room says whether an event of that many bytes would pass the limit. The caller holds the lock.
func (e *Engine) room(size int) error {
	if e.bytes+int64(size) > e.opt.MaxBytes {
		e.signal(e.work) // the committer looks whether there is something to drop
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
}

// Stats returns the sizes of the store.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{Stats: e.state.Stats(), Bytes: e.bytes, MaxBytes: e.opt.MaxBytes}
}

// signal wakes one who waits on c, now or when it next waits.
func (e *Engine) signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
