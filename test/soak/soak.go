package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// options are what a run is like.
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
	patient time.Duration // with what is left when the rooms are sound again
	say     func(format string, args ...any)
}

const (
	roomsPerTeam = 2
	// storeBytes is small, so that the store is trimmed while it is killed.
	storeBytes = 32 << 20
	// retryWithin: see victim.Config.
	retryWithin = time.Second
)

// process takes webhooks until it is killed.
type process interface {
	// URL waits until it takes them, and tells where.
	URL(ctx context.Context) (string, error)
	// Listened tells whether it ever did.
	Listened() bool
	Ended() <-chan struct{}
	Kill() error
	Stop() error
}

// soak is one run.
type soak struct {
	options
	town   victim.Town
	ledger *ledger
	rooms  *rooms
	log    *os.File // of the victims
	begin  func(ctx context.Context, generation int) (process, error)

	mu      sync.Mutex
	current process       // nil between two
	changed chan struct{} // closed when there is another

	generation, kills, unborn int
}

// run soaks, and returns what came of it. An error means that there is nothing to tell.
func run(ctx context.Context, o options) (verdict, error) {
	s := &soak{options: o, town: victim.Town{Teams: o.teams, RoomsPerTeam: roomsPerTeam}, changed: make(chan struct{})}
	s.ledger = newLedger(s.town.Rooms(), s.town.RoomsOf)
	var err error
	if s.rooms, err = openRooms(s.ledger); err != nil {
		return verdict{}, err
	}
	defer s.rooms.close()
	s.town.URL = s.rooms.url
	if s.log, err = os.Create(filepath.Join(o.dir, "victims.log")); err != nil {
		return verdict{}, fmt.Errorf("open the victims' log: %w", err)
	}
	defer func() { _ = s.log.Close() }()
	s.begin = s.beginVictim
	if o.whole {
		c, err := newCluster(ctx, s)
		if err != nil {
			return verdict{}, err
		}
		defer c.close()
		s.begin = c.begin
	}
	err = s.soak(ctx)
	if s.current != nil { // it is in nobody's way any more
		err = errors.Join(err, s.end(s.current, s.current.Kill))
	}
	if err != nil {
		return verdict{}, err
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return verdict{}, err
	}
	v := judge(s.ledger, kept)
	v.Engine, v.Span, v.Kills, v.Unborn, v.Victims = o.engine, o.span, s.kills, s.unborn, s.generation
	return v, nil
}

// soak posts and kills for a while, and then waits until everything has reached its end.
func (s *soak) soak(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	posting, done := context.WithTimeout(ctx, s.span)
	defer done()
	l := &load{town: s.town, ledger: s.ledger, url: s.url, limiter: rate.NewLimiter(rate.Limit(s.rate), 1)}
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		l.run(ctx, posting)
	}()
	err := s.kill(ctx, posting)
	if err == nil {
		s.say("%d webhooks were posted and %d victims killed; now the rooms are sound, and what is left arrives", len(s.ledger.events), s.kills)
		s.rooms.healed.Store(true)
		err = s.finish(ctx, posted)
	}
	cancel()
	<-posted
	return err
}

// kill starts victims and kills them, until posting ends. The last one lives.
func (s *soak) kill(ctx, posting context.Context) error {
	for {
		p, err := s.start(ctx)
		if err != nil {
			return err
		}
		if rand.IntN(4) > 0 { // the others may be killed while they start
			_, _ = p.URL(posting)
		}
		select {
		case <-posting.Done():
			return nil
		case <-p.Ended():
			return errors.New("a victim ended by itself: " + s.log.Name() + " says why")
		case <-time.After(rand.N(2 * s.life)):
		}
		if err := s.end(p, p.Kill); err != nil {
			return err
		}
		s.kills++
		if !p.Listened() {
			s.unborn++
		}
		if s.kills%50 == 0 {
			s.say("%d victims killed", s.kills)
		}
	}
}

func (s *soak) start(ctx context.Context) (process, error) {
	s.rooms.hear(s.generation)
	p, err := s.begin(ctx, s.generation)
	if err != nil {
		return nil, err
	}
	s.generation++
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = p
	close(s.changed)
	s.changed = make(chan struct{})
	return p, nil
}

func (s *soak) beginVictim(_ context.Context, generation int) (process, error) {
	return victim.Start(victim.Config{
		Engine:      s.engine,
		Store:       s.store(),
		Town:        s.town,
		Key:         travistest.PEM(travistest.Key()),
		Generation:  generation,
		RetryWithin: retryWithin,
	}, s.log, func(o victim.Settled) { s.ledger.settle(generation, o) })
}

func (s *soak) store() victim.Store {
	return victim.Store{Dir: filepath.Join(s.dir, "store"), MaxBytes: storeBytes}
}

// end ends a victim. No other is started before it is gone.
func (s *soak) end(p process, how func() error) error {
	s.mu.Lock()
	s.current = nil
	s.mu.Unlock()
	if err := how(); err != nil {
		return fmt.Errorf("%w; see %s", err, s.log.Name())
	}
	return nil
}

// url is where the victim of the moment takes webhooks.
func (s *soak) url(ctx context.Context) (string, error) {
	for {
		s.mu.Lock()
		p, changed := s.current, s.changed
		s.mu.Unlock()
		if p != nil {
			if url, err := p.URL(ctx); err == nil {
				return url, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// finish waits for the answers to what was posted, and for the ends of what was promised. What has
// no end when the patience is over, the verdict tells.
func (s *soak) finish(ctx context.Context, posted <-chan struct{}) error {
	waiting, cancel := context.WithTimeout(ctx, s.patient)
	defer cancel()
	for _, done := range []func() bool{
		func() bool { return isClosed(posted) },
		func() bool { return s.ledger.outstanding() == 0 },
	} {
		for !done() && waiting.Err() == nil {
			select {
			case <-waiting.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.end(s.current, s.current.Stop)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// kept is what the store holds when all is over.
func (s *soak) kept(ctx context.Context) ([]queue.Summary, error) {
	store, err := victim.Open(ctx, s.engine, s.store(), logr.Discard())
	if err != nil {
		return nil, err
	}
	kept := store.Deliveries(func(queue.Summary) bool { return true })
	return kept, store.Close(ctx)
}
