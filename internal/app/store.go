package app

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue/cluster"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/travis"
)

// store is the store of this replica.
type store struct {
	*engine.Engine
	replica.Replicas
	close func(context.Context) error
	// stopping tells a process that waits for the store that this one is about to close it.
	stopping func()
}

// Close closes the store.
func (s *store) Close(ctx context.Context) error { return s.close(ctx) }

// rememberWithoutLimit is how long a build event is recognized if the receiver has no age limit.
const rememberWithoutLimit = 30 * 24 * time.Hour

// remember returns how long a build event must be recognized if the receiver accepts it for maxAge.
func remember(maxAge time.Duration) time.Duration {
	if maxAge == 0 {
		return rememberWithoutLimit
	}
	return min(maxAge, math.MaxInt64-2*travis.MaxSkew) + 2*travis.MaxSkew
}

// storeMemory returns the estimated memory at which the store rejects events: half of the Go runtime's
// limit, which leaves the rest for requests, attempts and garbage. Zero is the engine's default.
func storeMemory(s settings.Store) int64 {
	if set := s.MaxMemory.Value(); set > 0 {
		return set
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 2
	}
	return 0
}

// openStore opens the store that the settings select. It reads the known mark after it has locked the embedded one,
// because the process before may write it as long as it has the store open. It returns an InUseError if
// another process has the lock.
func openStore(ctx context.Context, s settings.Settings, line *embedded.Line, known func() *wal.HighWater, log logr.Logger) (*store, error) {
	log = log.WithName("store")
	opt := engine.Options{
		MaxBytes:  s.Store.MaxSize.Value(),
		MaxMemory: storeMemory(s.Store),
		// The store recognizes a build event for longer than the receiver accepts it, by the difference that
		// clocks may have, so that no replay is accepted.
		Remember: remember(time.Duration(s.Receiver.MaxAge)),
		KeepDead: time.Duration(s.Store.KeepDead),
		Logger:   log,
	}
	if s.Store.External != nil {
		opt.Known = known()
		return openCluster(ctx, *s.Store.External, opt)
	}
	return openEmbedded(ctx, line, known, opt)
}

func openEmbedded(ctx context.Context, line *embedded.Line, known func() *wal.HighWater, opt engine.Options) (*store, error) {
	lock, err := line.TryLock()
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", line.Dir, err)
	}
	opt.Known = known()
	e, err := embedded.OpenLockedStore(ctx, lock, opt)
	if err != nil {
		return nil, err
	}
	closes := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, embeddedCloseTimeout)
		defer cancel()
		return e.Close(ctx)
	}
	return &store{e, &replica.Single{}, closes, lock.Stopping}, nil
}

func openCluster(ctx context.Context, x settings.External, opt engine.Options) (*store, error) {
	o := cluster.Options{
		External: cluster.External{
			URL: x.URL, CredentialsFile: x.CredentialsFile, CAFile: x.CAFile,
			Name: x.Name, Replicas: x.Replicas, Adopt: x.Adopt,
		},
		Options: opt,
	}
	if x.TLS != nil {
		o.CertFile, o.KeyFile = x.TLS.CertFile, x.TLS.KeyFile
	}
	r, err := cluster.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &store{r.Engine, r, r.Close, func() {}}, nil
}
