package simulation

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue/cluster"
)

// leaseServer keeps the leases of all processes. A lease that was not renewed for its time to live expires; the
// servers' clocks may differ, so that may be a little earlier or later than a process expects.
type leaseServer struct {
	dice dice
	ttl  time.Duration

	mu     sync.Mutex
	leases map[string]time.Time // when each was last renewed
	listed [][]string           // lists that were returned before, the oldest first
}

func newLeaseServer(d dice, ttl time.Duration) *leaseServer {
	return &leaseServer{dice: d, ttl: ttl, leases: map[string]time.Time{}}
}

// lasts reports whether there is such a lease now. The caller holds the lock.
func (s *leaseServer) lasts(name string) bool {
	renewed, ok := s.leases[name]
	if ok && time.Since(renewed) >= s.dice.of(name).duration(s.ttl*9/10, s.ttl*12/10) {
		delete(s.leases, name)
		ok = false
	}
	return ok
}

func (s *leaseServer) acquire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases[name] = time.Now()
}

func (s *leaseServer) renew(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lasts(name) {
		return cluster.ErrExpired
	}
	s.leases[name] = time.Now()
	return nil
}

func (s *leaseServer) expire(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lasts(name) {
		return cluster.ErrHeld
	}
	return nil
}

func (s *leaseServer) release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, name)
}

// list returns the leases that last, or what it returned the last time.
func (s *leaseServer) list(outdated bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if outdated && len(s.listed) > 0 {
		return s.listed[0]
	}
	var names []string
	for name := range s.leases {
		if s.lasts(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	s.listed = append(s.listed, names)
	s.listed = s.listed[max(0, len(s.listed)-mostLists):]
	return names
}

// mostLists is how many lists an outdated one is behind, so that it lacks replicas that send already.
const mostLists = 12

// leases are the server's as a process reaches it.
type leases struct {
	p *process
	s *leaseServer

	mu    sync.Mutex
	asked map[string]uint64
}

var _ cluster.Leases = (*leases)(nil)

// next is the dice for the next request of a kind.
func (l *leases) next(kind, name string) dice {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[kind+name]++
	return l.p.dice.of("lease").of(kind).of(name, l.asked[kind+name])
}

// TTL implements cluster.Leases.
func (l *leases) TTL() time.Duration { return l.s.ttl }

// Acquire implements cluster.Leases.
func (l *leases) Acquire(ctx context.Context, name string) error {
	return l.p.log.ask(ctx, l.next("acquire", name), func() { l.s.acquire(name) })
}

// Renew implements cluster.Leases. A renewal may be done long after the process has given up waiting.
func (l *leases) Renew(ctx context.Context, name string) (err error) {
	d := l.next("renew", name)
	if l.p.sim.disturbed() && d.of("late").chance(l.p.sim.plan.lose/4) {
		l.p.sim.later(d.of("when").duration(0, 2*l.s.ttl), func() { _ = l.s.renew(name) })
		return l.p.log.unanswered(ctx)
	}
	if asked := l.p.log.ask(ctx, d, func() { err = l.s.renew(name) }); asked != nil {
		return asked
	}
	return err
}

// Expire implements cluster.Leases.
func (l *leases) Expire(ctx context.Context, name string) (err error) {
	if asked := l.p.log.ask(ctx, l.next("expire", name), func() { err = l.s.expire(name) }); asked != nil {
		return asked
	}
	return err
}

// Release implements cluster.Leases.
func (l *leases) Release(ctx context.Context, name string) error {
	return l.p.log.ask(ctx, l.next("release", name), func() { l.s.release(name) })
}

// List implements cluster.Leases.
func (l *leases) List(ctx context.Context) (names []string, err error) {
	d := l.next("list", "")
	outdated := l.p.sim.disturbed() && d.of("outdated").chance(0.2)
	err = l.p.log.ask(ctx, d, func() { names = l.s.list(outdated) })
	return names, err
}

// silent is a transport without answers: requests between replicas are not simulated.
type silent struct{}

func (silent) Serve(string, func(context.Context, []byte) []byte) (func(context.Context), error) {
	return func(context.Context) {}, nil
}

func (silent) Request(context.Context, string, []byte) ([]byte, error) {
	return nil, cluster.ErrNoReplica
}
