package dispatch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/routing"
)

// Pool keeps one notifier for each account, made anew when the account's version changes.
type Pool struct {
	config PoolConfig

	mu      sync.Mutex
	open    map[identity]*client
	leaving map[*client]struct{} // retired, and not closed yet
	closed  bool
	closing sync.WaitGroup
}

// PoolConfig is what notifiers are made with.
type PoolConfig struct {
	Services map[string]notify.Service
	// Trusted is for the administrator's own accounts, Guarded for all others: its client
	// and dialer refuse addresses that tenants must not reach.
	Trusted, Guarded notify.Deps
	// Holds reports whether this replica may be logged in as an account, by its routing.Account.Home;
	// nil where there is no other.
	Holds func(home string) bool
	Log   logr.Logger
}

// identity is an account, whatever its version.
type identity struct{ namespace, name string }

// client is a notifier with those who use it just now.
type client struct {
	notifier notify.Notifier
	home     string        // of its account
	closed   chan struct{} // when it is
	service  string
	version  string
	trusted  bool
	users    int
	retired  bool
}

// errPoolClosed comes to what asks for a notifier while the operator stops.
var errPoolClosed = errors.New("the operator is stopping")

// NewPool returns an empty pool.
func NewPool(c PoolConfig) *Pool {
	return &Pool{config: c, open: map[identity]*client{}, leaving: map[*client]struct{}{}}
}

// elsewhereError is an account that another replica speaks as.
type elsewhereError struct{ home string }

func (e *elsewhereError) Error() string {
	return "another replica of the operator is logged in as account " + e.home
}

// Acquire returns the account's notifier. release must be called when it is no longer used.
func (p *Pool) Acquire(a *routing.Account) (n notify.Notifier, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errPoolClosed
	}
	if home := a.Key(); home != "" && p.config.Holds != nil && !p.config.Holds(home) {
		return nil, nil, &elsewhereError{home}
	}
	id := identity{a.Namespace, a.Name}
	c, ok := p.open[id]
	if ok && (c.version != a.Version || c.service != a.Service || c.trusted != a.Trusted) {
		p.retire(id, c)
		ok = false
	}
	if !ok {
		if c, err = p.make(a); err != nil {
			return nil, nil, &missingError{fmt.Errorf("account %s: %w", a.Name, hide(err, a.Credential))}
		}
		p.open[id] = c
	}
	c.users++
	return c.notifier, sync.OnceFunc(func() { p.release(c) }), nil
}

func (p *Pool) make(a *routing.Account) (*client, error) {
	service, ok := p.config.Services[a.Service]
	if !ok {
		return nil, fmt.Errorf("there is no service %q", a.Service)
	}
	deps := p.config.Guarded
	if a.Trusted {
		deps = p.config.Trusted
	}
	deps.Log = p.config.Log.WithName(a.Service).WithValues("namespace", a.Namespace, "account", a.Name)
	n, err := service.New(a.Config, a.Credential, deps)
	if err != nil {
		return nil, err
	}
	return &client{
		notifier: n, home: a.Key(), closed: make(chan struct{}),
		service: a.Service, version: a.Version, trusted: a.Trusted,
	}, nil
}

func (p *Pool) release(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
	p.closeIfIdle(c)
}

// Connected tells whether the account is logged in, on a service where that is kept up. known is
// false on others, and where nothing was sent as the account yet.
func (p *Pool) Connected(namespace, name string) (connected, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.open[identity{namespace, name}]
	if !ok {
		return false, false
	}
	n, ok := c.notifier.(notify.Connection)
	if !ok {
		return false, false
	}
	return n.Connected(), true
}

// Retain retires the notifiers of accounts of which current knows no such version.
func (p *Pool) Retain(current func(namespace, name, version string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.open {
		if !current(id.namespace, id.name, c.version) {
			p.retire(id, c)
		}
	}
}

// Leave retires the notifiers of accounts whose home is gone to another replica, for which Holds says
// no already. quiet is closed when all of them are.
func (p *Pool) Leave(gone func(home string) bool) (quiet <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.open {
		if c.home != "" && gone(c.home) {
			p.retire(id, c)
		}
	}
	var ending []*client
	for c := range p.leaving {
		if c.home != "" && gone(c.home) {
			ending = append(ending, c)
		}
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, c := range ending {
			<-c.closed
		}
	}()
	return closed
}

// retire takes a notifier out of use; it is closed when its last user has released it.
func (p *Pool) retire(id identity, c *client) {
	delete(p.open, id)
	p.leaving[c] = struct{}{}
	c.retired = true
	p.closeIfIdle(c)
}

// closeIfIdle closes in the background, for a goodbye may take its time.
func (p *Pool) closeIfIdle(c *client) {
	if !c.retired || c.users > 0 {
		return
	}
	p.closing.Go(func() {
		if err := c.notifier.Close(); err != nil {
			p.config.Log.V(1).Info("connection did not close cleanly", "service", c.service)
		}
		p.mu.Lock()
		delete(p.leaving, c)
		p.mu.Unlock()
		close(c.closed)
	})
}

// Close retires all notifiers and waits until those that nobody uses are closed.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	for id, c := range p.open {
		p.retire(id, c)
	}
	p.mu.Unlock()
	p.closing.Wait()
}
