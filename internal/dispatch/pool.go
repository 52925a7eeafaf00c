package dispatch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/routing"
)

// Pool keeps one notifier for each account, and replaces it when the account's version changes.
type Pool struct {
	config PoolConfig

	mu      sync.Mutex
	open    map[identity]*client
	leaving map[*client]struct{} // retired, and not closed yet
	// connections counts the clients that keep a connection and are not closed yet, in total and by the
	// namespace that defines their account.
	connections struct {
		total int
		by    map[string]int
	}
	closed  bool
	closing sync.WaitGroup
}

// PoolConfig configures a Pool.
type PoolConfig struct {
	Services map[string]notify.Service
	// Trusted is for the administrator's own accounts, Guarded for all others: its client and dialer
	// refuse addresses that tenants must not reach.
	Trusted, Guarded notify.Deps
	// Holds reports whether this replica may use the account with a key (see routing.Account.Key); nil
	// where there is no other replica.
	Holds func(accountKey string) bool
	Log   logr.Logger
}

// identity is an account of any version.
type identity struct{ namespace, name string }

// client is a notifier and the number of its users.
type client struct {
	identity
	notifier   notify.Notifier
	accountKey string        // empty if it keeps no connection
	closed     chan struct{} // closed when it is
	service    string
	version    string
	trusted    bool
	users      int
	retired    bool
}

// errPoolClosed is returned while the operator stops.
var errPoolClosed = errors.New("the operator is stopping")

// NewPool returns an empty pool.
func NewPool(c PoolConfig) *Pool {
	p := &Pool{config: c, open: map[identity]*client{}, leaving: map[*client]struct{}{}}
	p.connections.by = map[string]int{}
	return p
}

// elsewhereError is an account that another replica holds.
type elsewhereError struct{ accountKey string }

func (e *elsewhereError) Error() string {
	return "another replica of the operator is logged in as account " + e.accountKey
}

// errTooManyConnections is returned where a namespace has used its share of connections.
var errTooManyConnections = errors.New("the accounts of the namespace keep too many connections: the operator's limit is shared among namespaces")

// Acquire returns the account's notifier. release must be called after its use.
func (p *Pool) Acquire(a *routing.Account) (n notify.Notifier, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errPoolClosed
	}
	key := a.Key()
	if key != "" && p.config.Holds != nil && !p.config.Holds(key) {
		return nil, nil, &elsewhereError{key}
	}
	id := identity{a.Namespace, a.Name}
	c, ok := p.open[id]
	if ok && (c.version != a.Version || c.service != a.Service || c.trusted != a.Trusted) {
		p.retire(id, c)
		ok = false
	}
	if !ok {
		if !p.mayConnect(a, key) {
			return nil, nil, errTooManyConnections
		}
		if c, err = p.newClient(a); err != nil {
			return nil, nil, &missingError{fmt.Errorf("account %s: %w", a.Name, notify.RedactSecrets(err, a.Credential))}
		}
		p.open[id] = c
		p.count(c, 1)
	}
	c.users++
	return c.notifier, sync.OnceFunc(func() { p.release(c) }), nil
}

// mayConnect reports whether the account may keep a connection: a namespace may have at most as many as
// are left free. So a namespace with very many accounts gets half, and the next one still gets some.
func (p *Pool) mayConnect(a *routing.Account, accountKey string) bool {
	return accountKey == "" || a.Trusted || p.connections.by[a.Namespace] < maxConnections-p.connections.total
}

// count adds to the number of connections.
func (p *Pool) count(c *client, n int) {
	if c.accountKey == "" {
		return
	}
	p.connections.total += n
	if p.connections.by[c.namespace] += n; p.connections.by[c.namespace] == 0 {
		delete(p.connections.by, c.namespace)
	}
}

func (p *Pool) newClient(a *routing.Account) (*client, error) {
	service, ok := p.config.Services[a.Service]
	if !ok {
		return nil, fmt.Errorf("unknown service %q", a.Service)
	}
	deps := p.config.Guarded
	deps.Namespace = a.Namespace
	if a.Trusted {
		deps = p.config.Trusted
	}
	deps.Log = p.config.Log.WithName(a.Service).WithValues("namespace", a.Namespace, "account", a.Name)
	n, err := service.New(a.Config, a.Credential, deps)
	if err != nil {
		return nil, err
	}
	return &client{
		identity: identity{a.Namespace, a.Name}, notifier: n, accountKey: a.Key(), closed: make(chan struct{}),
		service: a.Service, version: a.Version, trusted: a.Trusted,
	}, nil
}

func (p *Pool) release(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.users--
	p.closeIfIdle(c)
}

// Connected reports which accounts of a namespace are logged in. Those whose service keeps no connection,
// and those that nothing was sent with yet, are absent.
func (p *Pool) Connected(namespace string) map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	connected := map[string]bool{}
	for id, c := range p.open {
		if n, ok := c.notifier.(notify.Connection); ok && id.namespace == namespace {
			connected[id.name] = n.Connected()
		}
	}
	return connected
}

// Retain retires the notifiers of account versions that are not current.
func (p *Pool) Retain(current func(namespace, name, version string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.open {
		if !current(id.namespace, id.name, c.version) {
			p.retire(id, c)
		}
	}
}

// Leave retires the notifiers of accounts that this replica no longer holds. quiet is closed when all of
// them are closed.
func (p *Pool) Leave(gone func(accountKey string) bool) (quiet <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.open {
		if c.accountKey != "" && gone(c.accountKey) {
			p.retire(id, c)
		}
	}
	var ending []*client
	for c := range p.leaving {
		if c.accountKey != "" && gone(c.accountKey) {
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

// retire removes a notifier; it is closed when its last user has released it.
func (p *Pool) retire(id identity, c *client) {
	delete(p.open, id)
	p.leaving[c] = struct{}{}
	c.retired = true
	p.closeIfIdle(c)
}

// closeIfIdle closes in the background, because logging out may take a while.
func (p *Pool) closeIfIdle(c *client) {
	if !c.retired || c.users > 0 {
		return
	}
	if p.closed { // Close may be waiting, or has returned
		go p.close(c)
		return
	}
	p.closing.Go(func() { p.close(c) })
}

func (p *Pool) close(c *client) {
	if err := c.notifier.Close(); err != nil {
		p.config.Log.V(1).Info("connection was not closed cleanly", "service", c.service, "reason", err.Error())
	}
	p.mu.Lock()
	delete(p.leaving, c)
	p.count(c, -1)
	p.mu.Unlock()
	close(c.closed)
}

// Close retires all notifiers and waits until the idle ones are closed.
func (p *Pool) Close() {
	p.mu.Lock()
	for id, c := range p.open {
		p.retire(id, c)
	}
	p.closed = true
	p.mu.Unlock()
	p.closing.Wait()
}
