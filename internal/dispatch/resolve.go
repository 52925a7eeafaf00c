package dispatch

import (
	"errors"
	"slices"

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

// TableResolver resolves targets in the table of the moment.
type TableResolver struct {
	current   func() *routing.Table
	templates templates
}

// NewTableResolver returns a resolver that asks current for the table each time. That table must
// hold every object there is: a route that is not in it counts as deleted.
func NewTableResolver(current func() *routing.Table) *TableResolver {
	return &TableResolver{current: current}
}

// Resolve finds the account, with its credential, the room and the template of a stored target.
func (r *TableResolver) Resolve(t queue.Target) (Resolved, error) {
	table := r.current()
	route, ok := table.Route(t.Namespace, t.Route)
	if !ok || route.UID != t.RouteUID {
		return Resolved{}, ErrRouteDeleted
	}
	account, address, err := room(table, t)
	if err != nil {
		return Resolved{}, err
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

// room finds who speaks for a target, and where. The account may have appeared only after the
// event was stored, or may no longer be allowed to speak there: so the room is asked for anew.
func room(table *routing.Table, t queue.Target) (*routing.Account, string, error) {
	account, err := table.Account(t.Namespace, t.Account)
	if err != nil {
		return nil, "", err
	}
	address, err := account.ResolveAddress(t.Address)
	if err != nil {
		return nil, "", hide(err, account.Credential)
	}
	return account, address, nil
}

// has tells whether the route still has the channel. One that had no room when the event was
// stored is known by the room that it has now.
func has(route *routing.Route, t queue.Target, address string) bool {
	return slices.ContainsFunc(route.Targets, func(now queue.Target) bool {
		sameAccount := now.Account == t.Account || t.Account == ""
		return now.Channel == t.Channel || sameAccount && now.Address == address
	})
}
