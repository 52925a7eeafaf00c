package routing

import (
	"slices"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue"
)

// difference is what changed in a TravisDefaults.
type difference struct {
	events, message, account, grant, transitions, people bool
	accounts                                             map[string]struct{} // by name
}

// compare finds the difference between two; either may be nil.
func compare(old, compiled *defaults) difference {
	none := &defaults{}
	if old == nil {
		old = none
	}
	if compiled == nil {
		compiled = none
	}
	diff := difference{
		events:  old.events != compiled.events,
		message: !same(old.message, compiled.message),
		account: old.account != compiled.account,

		transitions: old.transitions != compiled.transitions,
		grant:       !same(old.grant, compiled.grant),
		people:      old.hasPeople != compiled.hasPeople,
		accounts:    map[string]struct{}{},
	}
	for name, a := range old.accounts {
		if !sameAccount(a, compiled.accounts[name]) {
			diff.accounts[name] = struct{}{}
		}
	}
	for name := range compiled.accounts {
		if old.accounts[name] == nil {
			diff.accounts[name] = struct{}{}
		}
	}
	return diff
}

func sameAccount(a, b *Account) bool {
	return b != nil && a.Version == b.Version && same(a.problem, b.problem) && same(a.allowed, b.allowed) && same(a.addresses, b.addresses)
}

// touches reports whether the result of compiling d may change; the grant is not considered.
func (diff *difference) touches(d *declared) bool {
	if diff.events && d.events == 0 || diff.message && !d.ownMessage() {
		return true
	}
	if diff.people && d.route.Mention != MentionNone { // it warns where there are none
		return true
	}
	if diff.account && slices.ContainsFunc(d.spec.Channels, func(c v1alpha1.Channel) bool { return c.Account == "" }) {
		return true
	}
	if len(diff.accounts) > 0 && d.has(v1alpha1.ReasonAccountNotFound) { // the message lists the accounts
		return true
	}
	return slices.ContainsFunc(d.route.Targets, func(t queue.Target) bool {
		_, ok := diff.accounts[t.Account]
		return ok
	})
}

// ownMessage reports whether the defaults have no part in the route's message.
func (d *declared) ownMessage() bool {
	m := d.spec.Message
	return m != nil && m.Text != "" && m.Updates != "" && m.Silent != nil && m.Mention != ""
}

// lacksToken reports whether a missing token is among the route's problems.
func (d *declared) lacksToken() bool { return d.has(v1alpha1.ReasonTokenNotFound) }

func (d *declared) has(reason string) bool {
	return slices.ContainsFunc(d.verdict.Unresolved, func(p Problem) bool { return p.Reason == reason })
}
