package cluster

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue/engine"
)

// member is this replica's membership: it keeps a lease, claims unowned shards, and releases shards beyond
// its share.
type member struct {
	name   string // of this replica, in its leases' names
	leases Leases
	engine *engine.Engine
	shards *shards
	logger logr.Logger

	acquired  int       // leases so far
	checked   time.Time // when the others' leases were last looked at
	mu        sync.Mutex
	claimFrom time.Time // nothing is claimed before

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

const (
	// settleTime is the pause before shards are claimed again after an outage in which the lease expired:
	// replicas first store the outcomes of what they had sent.
	settleTime = 3 * maxReopenPause
	// balanceInterval is how often the shares are looked at. Nothing is asked or stored for it unless
	// there is something to do.
	balanceInterval = 200 * time.Millisecond
)

// leaseName is the name of a replica's nth lease.
func leaseName(replica string, n int) string { return replica + "-" + strconv.Itoa(n) }

// replicaOf is the replica that has a lease.
func replicaOf(lease string) string {
	i := strings.LastIndexByte(lease, '-')
	return lease[:max(i, 0)]
}

// join acquires a lease and the first shards.
func (m *member) join(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	if err := m.acquire(ctx); err != nil {
		return err
	}
	m.balance(ctx)
	m.stopped.Go(func() { m.keepLease(running) })
	m.stopped.Go(func() { m.keepBalance(running) })
	return nil
}

// leave ends the part of this replica, for others to go on at once. It releases the lease only when all
// connections have ended. Otherwise the lease expires.
func (m *member) leave(ctx context.Context) {
	m.stop()
	m.stopped.Wait()
	lease, valid := m.shards.current()
	m.shards.loseAll()
	if !valid {
		return
	}
	// What takes longer expires nearly as soon. The rest of closing may have used up its own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.leases.TTL()/4)
	defer cancel()
	err := m.shards.awaitQuiet(ctx)
	if err == nil {
		err = m.change(ctx, func(o owners) error { o.remove([]string{lease}); return nil })
	}
	if err == nil {
		err = m.leases.Release(ctx, lease)
	}
	if err != nil {
		m.logger.V(1).Info("lease was not released and will expire", "reason", err.Error())
	}
}

// lasts is how long a lease is certain to last, counted from before it was asked for. The rest is for
// attempts to end in, and for clocks that differ.
func (m *member) lasts() time.Duration { return m.leases.TTL() / 4 * 3 }

// keepLease renews the lease, and gives it up where it may have expired.
func (m *member) keepLease(ctx context.Context) {
	every := time.NewTicker(m.leases.TTL() / 3)
	defer every.Stop()
	for {
		_, valid := m.shards.current()
		over := m.expiry(valid)
		select {
		case <-ctx.Done():
		case <-over:
			m.expire()
		case <-every.C:
			m.renew(ctx)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// expiry fires when the lease is no longer certain to last.
func (m *member) expiry(valid bool) <-chan time.Time {
	if lease, _ := m.shards.current(); lease == "" {
		return nil
	}
	if !valid {
		over := make(chan time.Time, 1)
		over <- time.Time{}
		return over
	}
	return time.After(m.shards.remaining())
}

func (m *member) expire() {
	n := m.shards.loseAll()
	m.logger.Info("lease expired, because the cluster did not renew it; other replicas may take over its channels", "shards", n)
}

// renew renews the lease. Where it has expired, there is a new one.
func (m *member) renew(ctx context.Context) {
	lease, valid := m.shards.current()
	if lease == "" {
		if err := m.acquire(ctx); err != nil {
			m.logger.V(1).Info("no lease yet", "reason", err.Error())
		}
		return
	}
	if !valid {
		return // it expires, which is noticed at once
	}
	before := time.Now()
	renewing, cancel := context.WithTimeout(ctx, min(m.leases.TTL()/4, m.shards.remaining()))
	defer cancel()
	switch err := m.leases.Renew(renewing, lease); {
	case err == nil:
		m.shards.extend(lease, before.Add(m.lasts()))
	case errors.Is(err, ErrExpired):
		m.expire()
		m.renew(ctx)
	default:
		m.logger.V(1).Info("lease was not renewed", "reason", err.Error())
	}
}

// acquire makes a lease. After an outage, nothing is claimed with it for a moment.
func (m *member) acquire(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.leases.TTL()/4)
	defer cancel()
	before := time.Now()
	lease := leaseName(m.name, m.acquired)
	m.acquired++ // one that was not answered may have been made
	if err := m.leases.Acquire(ctx, lease); err != nil {
		return err
	}
	m.mu.Lock()
	if m.acquired > 1 {
		m.claimFrom = time.Now().Add(settleTime)
	}
	m.mu.Unlock()
	m.shards.extend(lease, before.Add(m.lasts()))
	return nil
}

// mayClaim reports whether shards may be claimed; see settleTime.
func (m *member) mayClaim() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !time.Now().Before(m.claimFrom)
}

// keepBalance has every replica own its share.
func (m *member) keepBalance(ctx context.Context) {
	every := time.NewTicker(balanceInterval)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			m.shards.disconnectLost()
			m.balance(ctx)
		}
	}
}

// balance claims unowned shards and releases those beyond this replica's share. Usually there is nothing to
// do.
func (m *member) balance(ctx context.Context) {
	lease, valid := m.shards.current()
	if !valid || !m.mayClaim() {
		return
	}
	dead := m.findDead(ctx, lease)
	table := m.shards.table()
	_, takesPart := table[lease]
	table.remove(dead)
	done := m.shards.released()
	claims := len(table[lease]) < table.shareWith(lease) && len(table.free()) > 0
	if !takesPart || len(dead) > 0 || len(done) > 0 || claims {
		err := m.update(ctx, lease, func(o owners) {
			o.remove(dead)
			o.release(lease, done)
			o.claim(lease, done)
		})
		if err != nil {
			m.logger.V(1).Info("shards were not claimed", "reason", err.Error())
			return
		}
		table = m.shards.table()
	}
	m.shards.leave(table.share())
	m.shards.stay(table.share())
}

// update changes who owns what, unless the lease has expired meanwhile.
func (m *member) update(ctx context.Context, lease string, change func(owners)) error {
	return m.change(ctx, func(o owners) error {
		if now, valid := m.shards.current(); now != lease || !valid {
			return ErrExpired
		}
		change(o)
		return nil
	})
}

// change changes who owns what.
func (m *member) change(ctx context.Context, change func(owners) error) error {
	return m.engine.Update(ctx, ownersBucket, ownersKey, func(old []byte, _ bool) ([]byte, error) {
		o, err := parseOwners(old)
		if err == nil {
			err = change(o)
		}
		if err != nil {
			return nil, err
		}
		return o.encode()
	})
}

// findDead returns the replicas that take part and whose leases have expired. It asks for the leases
// that last as often as they are renewed; that may be out of date, so each that is missing is asked for
// by itself.
func (m *member) findDead(ctx context.Context, own string) (dead []string) {
	if time.Since(m.checked) < m.leases.TTL()/3 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.leases.TTL()/4)
	defer cancel()
	m.checked = time.Now()
	last, err := m.leases.List(ctx)
	if err != nil {
		m.logger.V(1).Info("leases cannot be listed", "reason", err.Error())
		return nil
	}
	for lease := range m.shards.table() {
		if lease == own || slices.Contains(last, lease) {
			continue
		}
		switch err := m.leases.Expire(ctx, lease); {
		case err == nil:
			dead = append(dead, lease)
		case !errors.Is(err, ErrHeld):
			m.logger.V(1).Info("cannot find out whether a lease has expired", "lease", lease, "reason", err.Error())
		}
	}
	if len(dead) > 0 {
		m.logger.Info("replicas ended without releasing their leases", "leases", dead)
	}
	return dead
}
