// Package clustertest has leases and a transport in memory, for tests of several replicas in one process.
package clustertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue/cluster"
)

// Leases are cluster.Leases that all replicas of a test share.
type Leases struct {
	ttl time.Duration

	mu     sync.Mutex
	until  map[string]time.Time
	writes int
	down   error
}

var _ cluster.Leases = (*Leases)(nil)

// NewLeases returns leases of that time to live.
func NewLeases(ttl time.Duration) *Leases {
	return &Leases{ttl: ttl, until: map[string]time.Time{}}
}

// Fail has everything that follows return err; nil ends that.
func (l *Leases) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = err
}

// Writes is how many writes the leases have cost.
func (l *Leases) Writes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

func (l *Leases) lasts(name string) bool { return time.Now().Before(l.until[name]) }

// TTL implements cluster.Leases.
func (l *Leases) TTL() time.Duration { return l.ttl }

// Acquire implements cluster.Leases.
func (l *Leases) Acquire(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	if l.lasts(name) {
		return cluster.ErrHeld
	}
	l.writes++
	l.until[name] = time.Now().Add(l.ttl)
	return nil
}

// Renew implements cluster.Leases.
func (l *Leases) Renew(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	if !l.lasts(name) {
		return cluster.ErrExpired
	}
	l.writes++
	l.until[name] = time.Now().Add(l.ttl)
	return nil
}

// Expire implements cluster.Leases.
func (l *Leases) Expire(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	if l.lasts(name) {
		return cluster.ErrHeld
	}
	l.writes++
	delete(l.until, name)
	return nil
}

// Release implements cluster.Leases.
func (l *Leases) Release(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	delete(l.until, name)
	return l.down
}

// List implements cluster.Leases.
func (l *Leases) List(context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name := range l.until {
		if l.lasts(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, l.down
}

// Transport is a cluster.Transport that all replicas of a test share.
type Transport struct {
	mu     sync.Mutex
	served map[string]func(context.Context, []byte) []byte
}

var _ cluster.Transport = (*Transport)(nil)

// NewTransport returns a transport without servers.
func NewTransport() *Transport {
	return &Transport{served: map[string]func(context.Context, []byte) []byte{}}
}

// Serve implements cluster.Transport.
func (t *Transport) Serve(address string, fn func(context.Context, []byte) []byte) (func(context.Context), error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.served[address] = fn
	return func(context.Context) {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.served, address)
	}, nil
}

// Request implements cluster.Transport.
func (t *Transport) Request(ctx context.Context, address string, request []byte) ([]byte, error) {
	t.mu.Lock()
	fn, ok := t.served[address]
	t.mu.Unlock()
	if !ok {
		return nil, cluster.ErrNoReplica
	}
	return fn(ctx, request), nil
}
