package controllers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
)

const (
	// maxMessage bounds a condition's message, in runes: enough for a handful of problems, and
	// small enough for ten thousand routes with the same one.
	maxMessage = 1024
	// maxChannels, maxAddress and maxBuild are the schema's limits. The API server rejects a status that
	// exceeds them.
	maxChannels = 32
	maxAddress  = 255
	maxBuild    = 64
	// failingAfter is how many consecutive attempts must fail before a channel is reported as failing, so
	// that the condition does not flap when a server restarts.
	failingAfter = 3
)

// ChannelState is the store's state of one channel of a route.
type ChannelState struct {
	Account, Address string
	Waiting, Dead    int
	Failures         int // consecutive failed attempts
	Delivered        LastAttempt
	Failure          LastAttempt
	// Removed is set for a channel that the route no longer has. It is shown while deliveries are left in it.
	Removed bool
}

// LastAttempt is the last success or failure in a channel; zero if there was none.
type LastAttempt struct {
	At     time.Time
	Build  string
	Event  string
	Reason string
}

// routeStatus returns a route's status. It does not change old.
func routeStatus(old v1alpha1.TravisRouteStatus, repository string, v routing.Verdict, channels []ChannelState) v1alpha1.TravisRouteStatus {
	s := v1alpha1.TravisRouteStatus{
		ObservedGeneration: v.Generation,
		Conditions:         slices.Clone(old.Conditions),
		Events:             v.Events.Names(),
		EventSummary:       v.Events.String(),
		LastBuild:          lastBuild(channels),
	}
	s.Channels = channelStatuses(channels)

	set := setter(&s.Conditions, v.Generation)
	setSpecConditions(set, v)
	message := fmt.Sprintf("announces %s of %s", s.EventSummary, repository)
	if v.Authorized != "" {
		message += ", " + v.Authorized
	}
	set(readyCondition(message, v))
	setStalled(&s.Conditions, v)
	if c, ok := deliveringCondition(channels); ok {
		set(c)
	} else {
		meta.RemoveStatusCondition(&s.Conditions, v1alpha1.ConditionDelivering)
	}
	return s
}

// defaultsStatus returns the status of a TravisDefaults. state returns that of an account by its name.
func defaultsStatus(old v1alpha1.TravisDefaultsStatus, v routing.DefaultsVerdict, state func(account string) AccountState) v1alpha1.TravisDefaultsStatus {
	s := v1alpha1.TravisDefaultsStatus{ObservedGeneration: v.Generation, Conditions: slices.Clone(old.Conditions)}
	for _, a := range v.Accounts {
		s.Accounts = append(s.Accounts, accountStatus(a, state(a.Name)))
	}
	set := setter(&s.Conditions, v.Generation)
	as := routing.Verdict{Invalid: v.Invalid, Unresolved: v.Unresolved, Faults: v.Faults, Warnings: v.Warnings}
	setSpecConditions(set, as)
	as.Generation = v.Generation
	set(readyCondition(fmt.Sprintf("%s can be used", text.Count(len(v.Accounts), "account")), as))
	setStalled(&s.Conditions, as)
	return s
}

// setter returns a function that sets a condition. It keeps the last transition time if the status is the same.
func setter(conditions *[]metav1.Condition, generation int64) func(metav1.Condition) {
	return func(c metav1.Condition) {
		c.ObservedGeneration = generation
		c.Message = bounded(c.Message)
		meta.SetStatusCondition(conditions, c)
	}
}

// setSpecConditions sets the conditions that depend on objects only: Accepted and ResolvedRefs.
func setSpecConditions(set func(metav1.Condition), v routing.Verdict) {
	accepted := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonAccepted, Message: "the spec is valid"}
	switch {
	case !v.Accepted():
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, v.Invalid[0].Reason, joinProblems(v.Invalid)
	case len(v.Faults) > 0:
		accepted.Reason, accepted.Message = v.Faults[0].Reason, joinProblems(v.Faults)
	}
	set(accepted)

	resolved := metav1.Condition{Type: v1alpha1.ConditionResolvedRefs, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonResolved, Message: "all references resolved"}
	if !v.Resolved() {
		resolved.Status, resolved.Reason, resolved.Message = metav1.ConditionFalse, v.Unresolved[0].Reason, joinProblems(v.Unresolved)
	}
	set(resolved)
}

// readyCondition summarizes the verdict. A route with a fault is not ready even if a fallback applies, so that a
// pipeline that waits for Ready stops.
func readyCondition(message string, v routing.Verdict) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, Message: message}
	if problems := v.Problems(); len(problems) > 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, problems[0].Reason, joinProblems(problems)
	} else if v.Suspended {
		c.Reason, c.Message = v1alpha1.ReasonSuspended, "suspended: nothing is sent until spec.suspend is removed"
	}
	for _, w := range v.Warnings {
		c.Message += "; note: " + w
	}
	return c
}

// setStalled sets the condition of a spec that is wrong by itself: kstatus reads it as failed, and a Ready that
// is false without it as in progress, which is what a missing Secret or token is.
func setStalled(conditions *[]metav1.Condition, v routing.Verdict) {
	wrong := append(slices.Clone(v.Invalid), v.Faults...)
	if len(wrong) == 0 {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionStalled)
		return
	}
	setter(conditions, v.Generation)(metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: wrong[0].Reason, Message: joinProblems(wrong),
	})
}

// deliveringCondition returns the Delivering condition. It is false while a channel fails repeatedly or has a
// dead letter since its last success, and absent before the first message. Removed channels do not count.
func deliveringCondition(channels []ChannelState) (metav1.Condition, bool) {
	var failing []string
	delivered := false
	for _, c := range channels {
		since := c.Failure.At.After(c.Delivered.At)
		switch {
		case since && !c.Removed && (c.Failures >= failingAfter || c.Dead > 0):
			failing = append(failing, fmt.Sprintf("%s: %s", channelName(c), c.Failure.Reason))
		case !c.Delivered.At.IsZero():
			delivered = true
		}
	}
	switch {
	case len(failing) > 0:
		return metav1.Condition{Type: v1alpha1.ConditionDelivering, Status: metav1.ConditionFalse,
			Reason: v1alpha1.ReasonFailing, Message: numbered(failing)}, true
	case delivered:
		return metav1.Condition{Type: v1alpha1.ConditionDelivering, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonDelivered, Message: "messages are delivered"}, true
	}
	return metav1.Condition{}, false
}

func channelName(c ChannelState) string {
	if c.Address == "" {
		return "account " + c.Account
	}
	return c.Address
}

// channelStatuses returns the route's own channels, then removed ones that have deliveries left. Keys are unique.
func channelStatuses(channels []ChannelState) []v1alpha1.ChannelStatus {
	var own, left []v1alpha1.ChannelStatus
	for _, c := range channels {
		switch {
		case !c.Removed:
			own = append(own, channelStatus(c))
		case c.Waiting+c.Dead > 0:
			left = append(left, channelStatus(c))
		}
	}
	var all []v1alpha1.ChannelStatus
	for _, c := range append(own, left...) {
		same := func(other v1alpha1.ChannelStatus) bool {
			return other.Account == c.Account && other.Address == c.Address
		}
		if len(all) < maxChannels && !slices.ContainsFunc(all, same) {
			all = append(all, c)
		}
	}
	return all
}

func channelStatus(c ChannelState) v1alpha1.ChannelStatus {
	return v1alpha1.ChannelStatus{
		Account: c.Account, Address: shortened(c.Address),
		Waiting: int32(min(c.Waiting, 1<<30)), Dead: int32(min(c.Dead, 1<<30)),
		LastDelivered: attemptStatus(c.Delivered), LastFailure: attemptStatus(c.Failure),
	}
}

// accountStatus returns an account's status from its verdict and its last attempts.
func accountStatus(v routing.AccountVerdict, state AccountState) v1alpha1.AccountStatus {
	s := v1alpha1.AccountStatus{Name: v.Name, Service: v.Service, Usable: v.Problem == nil, Connected: state.Connected}
	if v.Problem != nil {
		s.Message = bounded(v.Problem.Message)
	}
	if !state.Delivered.IsZero() {
		s.LastDelivered = &metav1.Time{Time: state.Delivered.Truncate(time.Minute)}
	}
	if !state.Failed.IsZero() {
		s.LastFailure = &v1alpha1.AccountFailure{Time: metav1.NewTime(state.Failed.Truncate(time.Second)), Reason: bounded(state.Reason)}
	}
	return s
}

func attemptStatus(m LastAttempt) *v1alpha1.LastAttempt {
	if m.At.IsZero() {
		return nil
	}
	return &v1alpha1.LastAttempt{
		Time: metav1.NewTime(m.At.Truncate(time.Second)), Build: text.TruncateRunes(m.Build, maxBuild), Event: v1alpha1.EventName(m.Event), Reason: bounded(m.Reason),
	}
}

// lastBuild returns the build that was delivered last.
func lastBuild(channels []ChannelState) string {
	var last LastAttempt
	for _, c := range channels {
		if c.Delivered.At.After(last.At) {
			last = c.Delivered
		}
	}
	if last.At.IsZero() {
		return ""
	}
	return "#" + text.TruncateRunes(last.Build, maxBuild) + " " + last.Event
}

// joinProblems joins problems. Several are numbered, so that each stands out in kubectl describe.
func joinProblems(problems []routing.Problem) string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Message
	}
	return numbered(texts)
}

func numbered(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	var b strings.Builder
	for i, s := range texts {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "(%d) %s", i+1, s)
	}
	return b.String()
}

func bounded(s string) string { return text.TruncateRunes(s, maxMessage) }

// shortened truncates an address to what a status may hold. A truncated one ends with its hash, because the
// address is a list key and must stay unique.
func shortened(address string) string {
	if utf8.RuneCountInString(address) <= maxAddress {
		return address
	}
	sum := sha256.Sum256([]byte(address))
	hash := hex.EncodeToString(sum[:6])
	return text.TruncateRunes(address, maxAddress-len(hash)) + hash
}
