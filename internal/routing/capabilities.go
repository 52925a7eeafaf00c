package routing

import (
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
)

// warnCapabilities says what of the message a resolved channel's service cannot do.
func (r *Route) warnCapabilities(t *Table, target *queue.Target) []string {
	account, p := t.account(r.Namespace, target.Account)
	if p != nil {
		return nil
	}
	can := account.Capable(target.Address)
	service := account.Service
	if can.Form != "" {
		service += " (" + can.Form + ")"
	}
	var all []string
	if r.Updates == Edit && !can.Edit || r.Updates == Thread && !can.Thread {
		all = append(all, fmt.Sprintf("message.updates is %s, which %s does not support: each state of a build is a separate message in the channels of account %q",
			r.Updates, service, target.Account))
	}
	if r.Silent&r.Events != 0 && !can.Silent {
		all = append(all, fmt.Sprintf("message.silent has no effect in the channels of account %q: %s cannot send a message that notifies nobody",
			target.Account, service))
	}
	if r.Mention != MentionNone && !can.Mention {
		all = append(all, fmt.Sprintf("message.mention has no effect in the channels of account %q: %s cannot mention people", target.Account, service))
	}
	return all
}

// warnPeople says that there is nobody to mention.
func (r *Route) warnPeople(t *Table, v *Verdict) {
	if r.Mention == MentionNone || slices.ContainsFunc(t.levels(r.Namespace), func(d *defaults) bool { return d.hasPeople }) {
		return
	}
	v.Warnings = append(v.Warnings, fmt.Sprintf("message.mention is %s, and there are no people to mention: add people to the TravisDefaults of namespace %q or %q",
		r.Mention, r.Namespace, t.operatorNamespace))
}
