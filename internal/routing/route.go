package routing

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/filter"
	"github.com/travishook/travishook/internal/queue"
)

// declared is a TravisRoute as it was put, with what of it does not depend on other objects, and
// what it came to last.
type declared struct {
	key        types.NamespacedName
	uid        string
	generation int64
	spec       *v1alpha1.TravisRouteSpec
	claim      claimKey

	events   EventSet       // 0 if it lists none
	filter   *filter.Filter // nil if it has none
	invalid  []Problem
	faults   []Problem
	warnings []string

	route   *Route
	verdict Verdict
}

// declare compiles what a route says by itself.
func (c *Compiler) declare(r *v1alpha1.TravisRoute) *declared {
	d := &declared{
		key:        types.NamespacedName{Namespace: r.Namespace, Name: r.Name},
		uid:        string(r.UID),
		generation: r.Generation,
		spec:       r.Spec.DeepCopy(),
		claim:      claimKey{r.Namespace, slugOf(r.Spec.Repository)},
	}
	invalid := func(format string, args ...any) {
		d.invalid = append(d.invalid, *problem(v1alpha1.ReasonInvalid, format, args...))
	}
	if d.claim.slug == "" {
		invalid("repository is %q: write owner/name, such as example/example", d.spec.Repository)
	}
	if len(d.spec.Channels) == 0 {
		invalid("there are no channels: name at least one room")
	}
	var err error
	if d.events, err = ParseEvents(d.spec.Events); err != nil {
		invalid("events: %v", err)
	} else if trap := d.events.trap(); trap != "" {
		d.warnings = append(d.warnings, trap)
	}
	if d.spec.Filter != "" {
		if d.filter, err = filter.Compile(d.spec.Filter); err != nil {
			d.invalid = append(d.invalid, *problem(v1alpha1.ReasonFilterInvalid, "filter: %v", err))
		}
	}
	if p := c.checkMessage(d.spec.Message); p != nil {
		d.faults = append(d.faults, *p)
	}
	return d
}

// resolve compiles d with all that it refers to.
func (c *Compiler) resolve(t *Table, d *declared) (*Route, Verdict) {
	r := &Route{
		Namespace:  d.key.Namespace,
		Name:       d.key.Name,
		UID:        d.uid,
		Repository: d.spec.Repository,
		Accepted:   len(d.invalid) == 0,
		Suspended:  d.spec.Suspend,
		Events:     d.events,
		Message:    d.spec.Message,
		spec:       d.spec,
		filter:     d.filter,
		failed:     c.config.FilterFailed,
	}
	if r.Events == 0 {
		r.Events = t.effectiveEvents(r.Namespace)
	}
	if r.Message == nil {
		r.Message = t.effectiveMessage(r.Namespace)
	}
	v := Verdict{
		Generation: d.generation,
		Suspended:  r.Suspended,
		Invalid:    d.invalid,
		Faults:     d.faults,
		Warnings:   slices.Clip(d.warnings),
		Events:     r.Events,
	}
	r.resolveChannels(t, &v)
	if r.Accepted {
		c.vouch(t, d, &v)
	}
	return r, v
}

// equal reports whether r and other are the same in all that is looked at.
func (r *Route) equal(other *Route) bool {
	return r.spec == other.spec && r.filter == other.filter && r.Accepted == other.Accepted && r.Events == other.Events &&
		same(r.Message, other.Message) && slices.Equal(r.Targets, other.Targets)
}

// resolveChannels finds the room of each channel, and says of each that has none why.
func (r *Route) resolveChannels(t *Table, v *Verdict) {
	r.Targets = make([]queue.Target, 0, len(r.spec.Channels))
	var rooms []string
	for i := range r.spec.Channels {
		target, room, p := r.target(t, &r.spec.Channels[i])
		if p != nil && !slices.Contains(v.Unresolved, *p) {
			v.Unresolved = append(v.Unresolved, *p)
		}
		if room != "" && slices.Contains(rooms, room) {
			v.Warnings = append(v.Warnings, fmt.Sprintf("two channels are the same room, %q of account %q: it gets one message", target.Address, target.Account))
			continue
		}
		rooms = append(rooms, room)
		r.Targets = append(r.Targets, target)
	}
}

// target is where a channel's messages go, as far as it can be told, and the room in the one
// spelling that all who mean it share; empty while nobody knows it.
//
// The channel's name for the store is made of what is written, for that stays the same while the
// account, its Secret or the defaults come and go: a build's events must not be parted into two
// channels, in which the later one could overtake.
func (r *Route) target(t *Table, channel *v1alpha1.Channel) (target queue.Target, room string, p *Problem) {
	target = queue.Target{
		Namespace: r.Namespace,
		Route:     r.Name,
		RouteUID:  r.UID,
		Account:   channel.Account,
		Address:   channel.Address,
		Channel:   r.Namespace + "/" + channel.Account + "/" + channel.Address,
	}
	if target.Account == "" {
		target.Account = t.effectiveAccount(r.Namespace)
	}
	account, p := t.account(r.Namespace, target.Account)
	if account != nil {
		target.AccountKey = account.Key()
	}
	if p == nil {
		room, p = account.room(channel.Address)
	}
	if p != nil {
		return target, "", p
	}
	target.Address = room
	target.Destination = account.Destination(room)
	return target, target.Destination, nil
}

// vouch says what is missing for an event of the repository to be believed.
func (c *Compiler) vouch(t *Table, d *declared, v *Verdict) {
	slug := d.claim.slug
	granted := t.granted(d.claim)
	tokens := len(c.claims[d.claim].proofs()) > 0
	signed := c.keys.signed(slug)
	switch {
	case !tokens && !granted:
		v.Unresolved = append(v.Unresolved, *c.tokenNotFound(d))
	case !signed && !(tokens && c.keys.keyless(slug)):
		v.Unresolved = append(v.Unresolved, *problem(v1alpha1.ReasonNoKey,
			"the operator has no key that can prove that events of %q come from Travis: whoever keeps the operator must configure one", d.spec.Repository))
	case signed && c.keys.awaited(slug) != "":
		v.Unresolved = append(v.Unresolved, *problem(v1alpha1.ReasonNoKey,
			"the key that proves that events of %q come from Travis is not known yet, and until it is they are refused (%s)",
			d.spec.Repository, c.keys.awaited(slug)))
	}
}

func (c *Compiler) tokenNotFound(d *declared) *Problem {
	faults := c.showFaults(d.key.Namespace)
	if faults != "" {
		faults = " (" + faults + ")"
	}
	return problem(v1alpha1.ReasonTokenNotFound,
		"nothing vouches for %q in namespace %q%s: create a Secret there with the keys %q (%s) and %q and the label %s=%s, or ask for the repository under signatureOnly in the TravisDefaults of namespace %q",
		d.spec.Repository, d.key.Namespace, faults, tokenRepository, d.spec.Repository, tokenToken,
		v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken, c.config.OperatorNamespace)
}
