package dispatch

import (
	"errors"
	"fmt"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
)

// Why a delivery's target is no longer one. Whatever else Resolve returns is something missing
// that can still appear.
var (
	ErrRouteDeleted   = errors.New("route deleted")
	ErrChannelRemoved = errors.New("channel removed from the route")
)

// Resolved is a target as it stands at this moment.
type Resolved struct {
	Account  *routing.Account
	Address  string           // as the account's service spells it
	Template *render.Template // nil: the default text
}

// missingError is an account, a Secret or a room in it that is missing or wrong.
type missingError struct{ err error }

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

// Table is what is looked up in a routing.Table.
type Table interface {
	Route(namespace, name string) (*routing.Route, bool)
	Account(namespace, name string) (*routing.Account, error)
}

// TableResolver resolves targets in the table of the moment.
type TableResolver struct {
	current   func() Table
	services  map[string]notify.Service
	templates templates
}

// NewTableResolver returns a resolver that asks current for the table each time. That table must
// hold every object there is: a route that is not in it counts as deleted.
func NewTableResolver(current func() Table, services map[string]notify.Service) *TableResolver {
	return &TableResolver{current: current, services: services}
}

// Resolve finds the account, with its credential, the room and the template of a stored target.
func (r *TableResolver) Resolve(t queue.Target) (Resolved, error) {
	table := r.current()
	route, ok := table.Route(t.Namespace, t.Route)
	if !ok || route.UID != t.RouteUID {
		return Resolved{}, ErrRouteDeleted
	}
	account, err := table.Account(t.Namespace, t.Account)
	if err != nil {
		return Resolved{}, err
	}
	service, ok := r.services[account.Service]
	if !ok {
		return Resolved{}, fmt.Errorf("account %s: there is no service %q", account.Name, account.Service)
	}
	// The account may have appeared only after the event was stored, and the route been
	// written in another spelling of the room.
	address, err := service.Address(account.Config, account.Credential, t.Address)
	if err != nil {
		return Resolved{}, fmt.Errorf("account %s: %w", account.Name, hide(err, account.Credential))
	}
	if !has(route, t, address) {
		return Resolved{}, ErrChannelRemoved
	}
	resolved := Resolved{Account: account, Address: address}
	if m := route.Message; m != nil {
		resolved.Template = r.templates.get(m.Text, render.Syntax(m.Syntax))
	}
	return resolved, nil
}

// has tells whether the route still has the channel, whichever way it is spelled by now.
func has(route *routing.Route, t queue.Target, address string) bool {
	for _, now := range route.Targets {
		sameAccount := now.Account == t.Account || t.Account == ""
		if now.Channel == t.Channel || sameAccount && (now.Address == t.Address || now.Address == address) {
			return true
		}
	}
	return false
}
