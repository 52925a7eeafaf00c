package routing

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/filter"
	"github.com/travishook/travishook/internal/hints"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing/glob"
	"github.com/travishook/travishook/internal/travis"
)

// declared is a TravisRoute as it was put, the parts that compile without other objects, and the last
// result.
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
	pending  bool // the message is not checked yet

	route   *Route
	verdict Verdict
}

// declare compiles the parts of a route that depend on no other object. This takes the most time, and
// needs no lock.
func (c *Compiler) declare(r *v1alpha1.TravisRoute) *declared {
	d := &declared{
		key:        types.NamespacedName{Namespace: r.Namespace, Name: r.Name},
		uid:        string(r.UID),
		generation: r.Generation,
		spec:       r.Spec.DeepCopy(),
		claim:      claimKey{r.Namespace, repositories(r.Spec.Repository)},
	}
	d.declareRepository()
	if len(d.spec.Channels) == 0 {
		d.reject("there are no channels: name at least one")
	}
	var err error
	if d.events, err = ParseEvents(d.spec.Events); err != nil {
		d.reject("events: %v", err)
	} else if trap := d.events.trap(); trap != "" {
		d.warnings = append(d.warnings, trap)
	}
	if d.spec.Filter != "" {
		if d.filter, err = filter.Compile(d.spec.Filter); err != nil {
			d.invalid = append(d.invalid, *problem(v1alpha1.ReasonFilterInvalid, "filter: %v", err))
		}
	}
	d.warnings = append(d.warnings, hints.Route(d.spec)...)
	return d
}

func (d *declared) reject(format string, args ...any) {
	d.invalid = append(d.invalid, *problem(v1alpha1.ReasonInvalid, format, args...))
}

func (d *declared) declareRepository() {
	if d.claim.slug == "" {
		d.reject("repository is %q: write owner/name, such as example/example, or owner/* for all of an owner's repositories", d.spec.Repository)
		return
	}
	if _, several := d.claim.owner(); several && d.spec.RepositoryID != 0 {
		d.reject("repositoryID pins one repository, and repository %q may be several: remove repositoryID, or name the repository", d.spec.Repository)
	}
}

// check sets the result of checking the message, if it is known.
func (d *declared) check(c *checks) {
	fault, known := c.result(d.spec.Message)
	d.pending, d.faults = !known, nil
	if fault != "" {
		d.faults = []Problem{messageInvalid(fault)}
	}
}

func messageInvalid(fault string) Problem {
	return *problem(v1alpha1.ReasonMessageInvalid, "message: %s; the default text is sent instead", fault)
}

// repositories returns s in lower case if it is owner/name or owner/ and a glob, and otherwise an empty
// text.
func repositories(s string) string {
	if travis.IsSlug(strings.NewReplacer("*", "x", "?", "x").Replace(s)) && !strings.ContainsAny(s[:strings.IndexByte(s, '/')], "*?") {
		return strings.ToLower(s)
	}
	return ""
}

// resolve compiles d with the objects that it refers to.
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
		Updates:    t.effectiveUpdates(d.key.Namespace, d.spec.Message),
		Silent:     t.effectiveSilent(d.key.Namespace, d.spec.Message),
		Mention:    t.effectiveMention(d.key.Namespace, d.spec.Message),
		spec:       d.spec,
		filter:     d.filter,
		failed:     c.config.FilterFailed,
	}
	if r.Events == 0 {
		r.Events = t.effectiveEvents(r.Namespace)
	}
	if r.Message == nil || r.Message.Text == "" {
		r.Message = t.effectiveMessage(r.Namespace)
	}
	v := Verdict{
		Generation: d.generation,
		Suspended:  r.Suspended,
		Invalid:    d.invalid,
		Faults:     d.faults,
		Warnings:   slices.Clip(d.warnings),
		Events:     r.Events,
		Pending:    d.pending,
	}
	r.resolveChannels(t, &v)
	r.warnPeople(t, &v)
	if r.Accepted {
		c.checkTrust(t, d, &v)
		r.warnFilter(&v)
	}
	return r, v
}

// warnFilter warns of a filter that is hardly intended as written, given the events in effect.
func (r *Route) warnFilter(v *Verdict) {
	if r.filter == nil {
		return
	}
	var results []travis.Result
	for _, name := range r.Events.Names() {
		results = append(results, travis.Result(name))
	}
	buildTypes := travis.BuildTypes
	if len(r.spec.BuildTypes) > 0 {
		buildTypes = nil
		for _, t := range r.spec.BuildTypes {
			buildTypes = append(buildTypes, travis.BuildType(t))
		}
	}
	v.Warnings = append(v.Warnings, r.filter.Warnings(results, buildTypes)...)
}

// equal reports whether r and other have the same effect.
func (r *Route) equal(other *Route) bool {
	return r.spec == other.spec && r.filter == other.filter && r.Accepted == other.Accepted && r.Events == other.Events && r.Updates == other.Updates &&
		r.Silent == other.Silent && r.Mention == other.Mention &&
		same(r.Message, other.Message) && slices.Equal(r.Targets, other.Targets)
}

// resolveChannels resolves each channel, and adds a problem for each that does not resolve.
func (r *Route) resolveChannels(t *Table, v *Verdict) {
	r.Targets = make([]queue.Target, 0, len(r.spec.Channels))
	var rooms []string
	for i := range r.spec.Channels {
		target, room, p := r.target(t, &r.spec.Channels[i])
		if p != nil && !slices.Contains(v.Unresolved, *p) {
			v.Unresolved = append(v.Unresolved, *p)
		}
		if room != "" && slices.Contains(rooms, room) {
			v.Warnings = append(v.Warnings, fmt.Sprintf("two channels resolve to the same address, %q of account %q: it gets one message", target.Address, target.Account))
			continue
		}
		rooms = append(rooms, room)
		r.Targets = append(r.Targets, target)
		if p != nil {
			continue
		}
		for _, warning := range r.warnCapabilities(t, &target) {
			if !slices.Contains(v.Warnings, warning) {
				v.Warnings = append(v.Warnings, warning)
			}
		}
	}
}

// target resolves a channel as far as possible. The second result is the normalized address, empty while
// the account is not known.
//
// The channel's name in the store is made from the route's text, which stays the same while the account,
// its Secret or the defaults change: otherwise the events of one build could be split into two channels,
// and the later one could overtake.
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
		room, p = account.resolveAddress(channel.Address)
		// The keys of another namespace's Secret are not disclosed.
		if p != nil && p.Reason == v1alpha1.ReasonAddressInvalid && account.Namespace == r.Namespace {
			p.Message += account.suggestKey(channel.Address)
		}
	}
	if p != nil {
		return target, "", p
	}
	target.Address = room
	target.Destination = account.Destination(room)
	return target, target.Destination, nil
}

// checkTrust adds what is missing for an event of the repository to be accepted.
func (c *Compiler) checkTrust(t *Table, d *declared, v *Verdict) {
	if _, several := d.claim.owner(); several {
		c.checkPattern(t, d, v)
		return
	}
	tokens := len(c.claims[d.claim].proofs()) > 0
	granted := t.granted(d.claim)
	if !tokens && !granted {
		v.Unresolved = append(v.Unresolved, *c.tokenNotFound(d))
		return
	}
	v.Warnings = append(v.Warnings, c.claims[d.claim].misspelled(d.spec.Repository)...)
	c.checkKeys(d.claim.slug, d.spec.Repository, tokens, v)
}

// checkPattern is checkTrust for a route with a pattern: each repository is authorized separately.
func (c *Compiler) checkPattern(t *Table, d *declared, v *Verdict) {
	var tokens []string
	for slug := range c.tokenSlugs[d.claim.namespace] {
		if glob.Match(d.claim.slug, slug) {
			tokens = append(tokens, slug)
		}
	}
	slices.Sort(tokens)
	granted := t.granted(d.claim)
	if len(tokens) == 0 && !granted {
		v.Unresolved = append(v.Unresolved, *problem(v1alpha1.ReasonTokenNotFound,
			"no token or grant for any repository that matches %q in namespace %q%s: create a Secret for each repository with the keys %q and %q and the label %s=%s, or ask for signatureOnly in the TravisDefaults of namespace %q",
			d.spec.Repository, d.key.Namespace, c.showFaults(d.key.Namespace), tokenRepository, tokenToken,
			v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken, c.config.OperatorNamespace))
		return
	}
	if len(tokens) > 0 {
		v.Authorized = "authorized by token for " + some(tokens)
	}
	if granted {
		v.Authorized = strings.TrimPrefix(v.Authorized+"; authorized by signatureOnly", "; ")
	}
	slug := strings.NewReplacer("*", "x", "?", "x").Replace(d.claim.slug)
	if len(tokens) > 0 {
		slug = tokens[0]
	}
	c.checkKeys(slug, d.spec.Repository, len(tokens) > 0, v)
}

// some lists the first few of all.
func some(all []string) string {
	const few = 5
	if rest := len(all) - few; rest > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:few], ", "), rest)
	}
	return strings.Join(all, ", ")
}

// checkKeys adds what is missing for the signature to be verified.
func (c *Compiler) checkKeys(slug, shown string, tokens bool, v *Verdict) {
	signed := c.keys.signed(slug)
	switch {
	case !signed && !(tokens && c.keys.keyless(slug)):
		v.Unresolved = append(v.Unresolved, *problem(v1alpha1.ReasonNoKey,
			"the operator has no public key to verify webhooks of %q: its administrator must configure one", shown))
	case signed && c.keys.awaited(slug) != "":
		v.Unresolved = append(v.Unresolved, *problem(v1alpha1.ReasonNoKey,
			"the public key to verify webhooks of %q is not known yet; until it is, they are refused (%s)",
			shown, c.keys.awaited(slug)))
	}
}

func (c *Compiler) tokenNotFound(d *declared) *Problem {
	return problem(v1alpha1.ReasonTokenNotFound,
		"no token or grant for %q in namespace %q%s: create a Secret with the keys %q (%s) and %q and the label %s=%s, or ask for signatureOnly in the TravisDefaults of namespace %q",
		d.spec.Repository, d.key.Namespace, c.showFaults(d.key.Namespace), tokenRepository, d.spec.Repository, tokenToken,
		v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken, c.config.OperatorNamespace)
}
