package victim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/cluster"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
)

// Store is how to open a store: in a directory, or in a NATS cluster that several victims share.
type Store struct {
	Dir      string
	URL      string // of the cluster; empty for a store in Dir
	MaxBytes int64  // zero for the default
}

// Opened is a store that can be closed.
type Opened interface {
	queue.Queue
	Close(ctx context.Context) error
}

// The engines. All but the first two break the store's promise, each in its own way: the tests must detect
// them.
const (
	// Embedded is the operator's own.
	Embedded = "embedded"
	// External is the operator's own on a NATS cluster.
	External = "external"
	// Hasty confirms an event before it is stored.
	Hasty = "hasty"
	// SyncLater is the operator's own with the sync that its server has by default. Only a loss of
	// power shows the difference.
	SyncLater = "sync-later"
	// Forgetful stores most events, and confirms all.
	Forgetful = "forgetful"
	// Amnesiac stores most outcomes, and confirms all.
	Amnesiac = "amnesiac"
)

// Open opens the store.
func Open(ctx context.Context, kind string, s Store, log logr.Logger) (Opened, error) {
	wrap, ok := engines[kind]
	if !ok {
		return nil, fmt.Errorf("there is no engine %q", kind)
	}
	e, err := open(ctx, s, kind == SyncLater, engine.Options{MaxBytes: s.MaxBytes, Remember: maxAge + time.Hour, Logger: log})
	if err != nil {
		return nil, err
	}
	return wrap(e), nil
}

func open(ctx context.Context, s Store, later bool, opt engine.Options) (Opened, error) {
	if s.URL != "" {
		return cluster.Open(ctx, cluster.Options{External: cluster.External{URL: s.URL}, Options: opt})
	}
	if later {
		return openSyncLater(ctx, s.Dir, opt)
	}
	return embedded.OpenStore(ctx, s.Dir, opt)
}

var engines = map[string]func(Opened) Opened{
	Embedded:  func(o Opened) Opened { return o },
	External:  func(o Opened) Opened { return o },
	SyncLater: func(o Opened) Opened { return o },
	Hasty:     func(o Opened) Opened { return &hasty{Opened: o} },
	Forgetful: func(o Opened) Opened { return forgetful{o} },
	Amnesiac:  func(o Opened) Opened { return amnesiac{o} },
}

// forgets is how many of what they are given the forgetful ones forget.
const forgets = 0.05

type forgetful struct{ Opened }

// Accept implements queue.Queue.
func (f forgetful) Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error) {
	if rand.Float64() < forgets {
		return stored(a), nil
	}
	return f.Opened.Accept(ctx, a)
}

type amnesiac struct{ Opened }

// Settle implements queue.Queue.
func (f amnesiac) Settle(ctx context.Context, id string, o queue.Outcome) error {
	if o.Kind == queue.Delivered && rand.Float64() < forgets {
		return nil
	}
	return f.Opened.Settle(ctx, id, o)
}

// hasty stores a while after it has answered, as a store does that leaves it to the system when to
// write.
type hasty struct {
	Opened
	pending sync.WaitGroup
}

const hastyDelay = 200 * time.Millisecond

// Accept implements queue.Queue.
func (h *hasty) Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error) {
	later := context.WithoutCancel(ctx)
	h.pending.Go(func() {
		<-time.After(hastyDelay)
		// The caller was answered before, so the error is dropped.
		_, _ = h.Opened.Accept(later, a)
	})
	return stored(a), nil
}

// Close implements Opened. It stores what is pending, unless the process is killed meanwhile.
func (h *hasty) Close(ctx context.Context) error {
	h.pending.Wait()
	return h.Opened.Close(ctx)
}

func stored(a queue.Acceptance) (r queue.Receipt) {
	for _, offer := range a.Offers {
		r.Stored = append(r.Stored, offer.Namespace)
	}
	return r
}
