package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/soak/victim"
)

// options are the parameters of a run.
type options struct {
	engine string
	dir    string        // where the store is made
	span   time.Duration // of posting and killing
	// life is how long a victim lives on average: most from when they take webhooks on, some from
	// when they are started on, which they may not survive.
	life    time.Duration
	rate    float64 // webhooks a second
	teams   int
	whole   bool          // the whole operator is killed, beside an API server
	patient time.Duration // with what is left when the channels are sound again
	shared  *shared       // the store is in a NATS cluster; nil for one in a directory
	say     func(format string, args ...any)
}

// replicas is how many victims live at a time.
func (o *options) replicas() int {
	if o.shared == nil {
		return 1
	}
	return o.shared.replicas
}

// name describes the run in a table's head.
func (o *options) name() string {
	name := fmt.Sprintf("%s store, %s", o.engine, o.span)
	if o.shared != nil {
		name += fmt.Sprintf(", replicas: %d, lease: %s", o.shared.replicas, o.shared.lease)
	}
	if o.whole {
		name += ", the whole operator"
	}
	return name
}

const (
	channelsPerTeam = 2
	// storeBytes is small, so that the store is trimmed while it is killed.
	storeBytes = 32 << 20
	// retryWithin: see victim.Config.
	retryWithin = time.Second
)

// soak is one run.
type soak struct {
	options
	tenants  victim.Tenants
	ledger   *ledger
	channels *channels
	log      *os.File // of the victims
	store    victim.Store
	begin    func(ctx context.Context, generation int) (process, error)
	// disturb, unless nil, breaks now and then what the store needs, until posting ends, and then
	// leaves it whole.
	disturb func(ctx, posting context.Context) error

	mu      sync.Mutex
	living  []*replica
	changed chan struct{} // closed when another takes webhooks
	fell    chan *replica // those that ended by themselves

	generation, kills, unborn, barred, servers, outages int
}

// run makes a run and returns its verdict. An error means that there is none.
func run(ctx context.Context, o options) (v verdict, err error) {
	s := &soak{
		options: o, tenants: victim.Tenants{Teams: o.teams, ChannelsPerTeam: channelsPerTeam},
		changed: make(chan struct{}), fell: make(chan *replica),
		store: victim.Store{Dir: filepath.Join(o.dir, "store"), MaxBytes: storeBytes},
	}
	s.ledger = newLedger(s.tenants.Channels(), s.tenants.ChannelsOf)
	if s.channels, err = openChannels(s.ledger); err != nil {
		return verdict{}, err
	}
	defer s.channels.close()
	s.tenants.URL = s.channels.url
	if s.log, err = os.Create(filepath.Join(o.dir, "victims.log")); err != nil {
		return verdict{}, fmt.Errorf("open the victims' log: %w", err)
	}
	defer func() { _ = s.log.Close() }()
	closeServers, err := s.startServers(ctx)
	if err != nil {
		return verdict{}, err
	}
	defer closeServers()
	if err := s.soak(ctx); err != nil {
		return verdict{}, err
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return verdict{}, err
	}
	v = check(s.ledger, kept)
	v.Run, v.Victims, v.Kills, v.Unborn = o.name(), s.generation, s.kills, s.unborn
	v.Barred, v.Servers, v.Outages = s.barred, s.servers, s.outages
	return v, nil
}

// startServers starts what the victims need beside them.
func (s *soak) startServers(ctx context.Context) (end func(), err error) {
	s.begin = s.beginVictim
	switch {
	case s.whole:
		c, err := newCluster(ctx, s)
		if err != nil {
			return nil, err
		}
		s.begin = c.begin
		return c.close, nil
	case s.shared != nil:
		c, err := newServers(ctx, s)
		if err != nil {
			return nil, err
		}
		s.store.URL, s.disturb = c.nats.URL, c.disturb
		return c.nats.Stop, nil
	}
	return func() {}, nil
}

// soak posts and kills for a while, and then waits until everything has reached its end. It leaves
// no victim behind.
func (s *soak) soak(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	posting, done := context.WithTimeout(ctx, s.span)
	defer done()
	l := &load{tenants: s.tenants, ledger: s.ledger, url: s.url, limiter: rate.NewLimiter(rate.Limit(s.rate), 1)}
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		l.run(ctx, posting)
	}()
	var disturbing sync.WaitGroup
	if s.disturb != nil {
		disturbing.Go(func() {
			if err := s.disturb(ctx, posting); err != nil {
				cancel(err)
			}
		})
	}
	defer func() {
		cancel(nil)
		<-posted
		disturbing.Wait()
		err = errors.Join(err, s.end(s.all(), process.Kill))
	}()
	if err := s.kill(ctx, posting); err != nil {
		return err
	}
	disturbing.Wait()
	s.say("%d webhooks were posted and %d victims killed; now the channels are sound, and what is left arrives", s.ledger.size(), s.kills)
	s.channels.repaired.Store(true)
	return s.finish(ctx, posted)
}

// finish waits for the answers to all webhooks, and for the ends of all promised deliveries. Deliveries
// without an end after the patience are reported by the verdict.
func (s *soak) finish(ctx context.Context, posted <-chan struct{}) error {
	waiting, cancel := context.WithTimeout(ctx, s.patient)
	defer cancel()
	over := func() bool { return isClosed(posted) && s.ledger.outstanding() == 0 }
	for !over() && waiting.Err() == nil {
		select {
		case <-waiting.Done():
		case r := <-s.fell:
			if err := s.replace(ctx, r); err != nil {
				return err
			}
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return s.end(s.all(), process.Stop)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// kept returns what the store has at the end.
func (s *soak) kept(ctx context.Context) ([]queue.Summary, error) {
	store, err := victim.Open(ctx, s.engine, s.store, logr.Discard())
	if err != nil {
		return nil, err
	}
	kept := store.Deliveries(queue.Query{})
	return kept, store.Close(ctx)
}

func (s *soak) beginVictim(_ context.Context, generation int) (process, error) {
	return victim.Start(victim.Config{
		Engine:      s.engine,
		Store:       s.store,
		Tenants:     s.tenants,
		Key:         travistest.PEM(travistest.Key()),
		Generation:  generation,
		RetryWithin: retryWithin,
	}, s.log, ledgerWriter{s.ledger, generation})
}

// ledgerWriter records what a victim observes.
type ledgerWriter struct {
	ledger     *ledger
	generation int
}

// Settled implements victim.Watcher.
func (s ledgerWriter) Settled(o victim.Settled) { s.ledger.settle(s.generation, o) }

// Lost implements victim.Watcher.
func (s ledgerWriter) Lost(id string) { s.ledger.lose(s.generation, id) }
