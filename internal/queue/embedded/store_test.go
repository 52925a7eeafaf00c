package embedded

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
	"github.com/travishook/travishook/internal/travis"
)

const smallStoreBytes = 2 << 20

// store is an engine on an embedded log.
type store struct {
	*engine.Engine
	log *embedded
}

func tryOpen(ctx context.Context, dir string, opt engine.Options) (*store, error) {
	limit := opt.MaxBytes
	if limit == 0 {
		limit = engine.DefaultMaxBytes
	}
	lock, err := TryLock(dir)
	if err != nil {
		return nil, err
	}
	l, err := openLog(ctx, logOptions{Lock: lock, Limit: limit})
	if err != nil {
		return nil, err
	}
	opt.Log = l
	e, err := engine.Open(ctx, opt)
	if err != nil {
		return nil, errors.Join(err, l.Close(ctx))
	}
	return &store{Engine: e, log: l.(*embedded)}, nil
}

func mustOpen(t testing.TB, dir string, opt engine.Options) *store {
	t.Helper()
	s, err := tryOpen(context.Background(), dir, opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func openDir(t *testing.T, dir string) *store {
	t.Helper()
	return mustOpen(t, dir, engine.Options{MaxBytes: smallStoreBytes})
}

// openStore opens a store that may have been killed, but was not damaged.
func openStore(t testing.TB, dir string, clk clock.Clock) queuetest.Store {
	t.Helper()
	s := mustOpen(t, dir, engine.Options{Clock: clk})
	if losses := s.Losses(); len(losses) > 0 {
		t.Errorf("losses are reported of a store that was not damaged: %+v", losses)
	}
	return s
}

func closeNow(t *testing.T, s *store) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestContract(t *testing.T) {
	queuetest.Run(t, openStore)
}

func TestLogContract(t *testing.T) {
	waltest.Run(t, func(t testing.TB, dir string) wal.Log {
		t.Helper()
		lock, err := TryLock(dir)
		if err != nil {
			t.Fatal(err)
		}
		l, err := openLog(context.Background(), logOptions{Lock: lock, Limit: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}

func acceptance(build int64, rooms ...string) queue.Acceptance {
	offer := queue.Offer{Namespace: "team-a"}
	for _, room := range rooms {
		offer.Targets = append(offer.Targets, queuetest.Target("builds", room))
	}
	return queue.Acceptance{Event: queuetest.Event(build, travis.Passed), Offers: []queue.Offer{offer}}
}

func acceptAndTake(t *testing.T, s *store) queue.Delivery {
	t.Helper()
	if _, err := s.Accept(t.Context(), acceptance(1, "#a")); err != nil {
		t.Fatal(err)
	}
	d, err := s.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func acceptAndSettle(t *testing.T, s *store, a queue.Acceptance, kind queue.Kind) {
	t.Helper()
	if _, err := s.Accept(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	d, err := s.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context(), d.ID, queue.Outcome{Kind: kind, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// deliverMany stores and delivers events through the channel #alive.
func deliverMany(t *testing.T, s *store, from, n int64) {
	t.Helper()
	for build := from; build < from+n; build++ {
		acceptAndSettle(t, s, acceptance(build, "#alive"), queue.Delivered)
	}
}
