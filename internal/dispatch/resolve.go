package dispatch

import (
	"errors"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
)

// Why a target was deleted. Any other error of Resolve means something missing that may still appear.
var (
	ErrRouteDeleted   = errors.New("route deleted")
	ErrChannelRemoved = errors.New("channel removed from the route")
)

// Resolved is a target in the current table.
type Resolved struct {
	Account  *routing.Account
	Address  string              // as the account's service normalizes it
	Can      notify.Capabilities // of the service, at this address
	Template *render.Template    // nil: the default text
	Updates  routing.Updates     // what a later state does to the build's message
	Silent   routing.EventSet    // whose messages notify nobody
	Mention  routing.Mention     // whom messages mention
	// Person finds a person by the hash of an e-mail address; nil where nobody is mentioned.
	Person func(hash string) (*routing.Person, bool)

	known string // the destination, where the table has it
}

// destination names the channel at the service. See queue.Target.
func (r Resolved) destination() string {
	if r.known != "" {
		return r.known
	}
	return r.Account.Destination(r.Address)
}

func (r Resolved) endpoint() endpoint { return endpoint{r.Account.Key(), r.destination()} }

// missingError is a missing or invalid account, Secret or address.
type missingError struct{ err error }

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

// TableResolver resolves targets in the current table.
type TableResolver struct {
	current   func() *routing.Table
	templates templates
}

// NewTableResolver returns a resolver that gets the table from current each time. That table must
// contain all objects: a route that is not in it counts as deleted.
func NewTableResolver(current func() *routing.Table) *TableResolver {
	return &TableResolver{current: current, templates: newTemplates()}
}

// Resolve finds the account with its credential, the address and the template of a stored target.
func (r *TableResolver) Resolve(t queue.Target) (Resolved, error) {
	table := r.current()
	resolved, err := resolve(table, t)
	if err != nil {
		return Resolved{}, err
	}
	route, ok := table.Route(t.Namespace, t.Route)
	if !ok {
		return resolved, nil
	}
	resolved.Updates, resolved.Silent, resolved.Mention = route.Updates, route.Silent, route.Mention
	resolved.Person = func(hash string) (*routing.Person, bool) { return table.Person(t.Namespace, hash) }
	if route.Message != nil {
		resolved.Template = r.templates.get(route.Message.Text, render.Syntax(route.Message.Syntax))
	}
	return resolved, nil
}

// Removed implements Resolver. It compiles no template: it is called for all that is in the store.
func (r *TableResolver) Removed(t queue.Target) bool {
	_, err := resolve(r.current(), t)
	return removed(err)
}

// resolve finds the account and the address of a target. It resolves the route's channel again, because
// since the event was stored the default account may have changed, an account may have been added, or
// its allowed addresses may have changed.
func resolve(table *routing.Table, t queue.Target) (Resolved, error) {
	route, ok := table.Route(t.Namespace, t.Route)
	if !ok || route.UID != t.RouteUID {
		return Resolved{}, ErrRouteDeleted
	}
	for _, now := range route.Targets {
		if now.Channel == t.Channel {
			resolved, err := resolveAs(table, t.Namespace, now)
			resolved.known = now.Destination
			return resolved, err
		}
	}
	// The channel may be spelled differently by now. It is the same if it resolves to the same target.
	resolved, err := resolveAs(table, t.Namespace, t)
	if err != nil {
		return Resolved{}, err
	}
	for _, now := range route.Targets {
		if now.Destination == resolved.destination() {
			return resolved, nil
		}
	}
	for _, now := range route.Targets {
		if now.Destination != "" {
			continue
		}
		// It may be the same channel: its account may be missing only while the TravisDefaults is replaced.
		if _, err := resolveAs(table, t.Namespace, now); err != nil {
			return Resolved{}, err
		}
	}
	return Resolved{}, ErrChannelRemoved
}

func resolveAs(table *routing.Table, namespace string, t queue.Target) (Resolved, error) {
	account, err := table.Account(namespace, t.Account)
	if err != nil {
		return Resolved{}, err
	}
	address, err := account.ResolveAddress(t.Address)
	if err != nil {
		return Resolved{}, notify.RedactSecrets(err, account.Credential)
	}
	return Resolved{Account: account, Address: address, Can: account.Capable(address)}, nil
}
