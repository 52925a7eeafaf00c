package controllers

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// noticeFor is how long a notice stays on the status: a day, so that it is still there the next morning.
	noticeFor = 24 * time.Hour
	// accountFor is how long an account's last success and failure stay there.
	accountFor = 30 * 24 * time.Hour
	// refreshAfter is how old a stored observation becomes before the same one is stored again.
	refreshAfter = 10 * time.Minute
)

// kindAccount is the kind of an account's observations, whose reasons are the next two.
const (
	kindAccount   = "Account"
	seenDelivered = "delivered"
	seenFailed    = "failed"
)

// kindSecret is the kind of the observation that a Secret lacks its label. Its reasons are what the Secret would be.
const kindSecret = "Secret"

// AccountState is the state of an account.
type AccountState struct {
	Connected *bool     // nil if the service keeps no connection
	Delivered time.Time // the last delivered message; zero if none
	Failed    time.Time // the last failed attempt; zero if none
	Reason    string    // why that attempt failed
}

// observed identifies an observation: of a route (a notice that its owner should know: a redirect that loses
// webhooks, another repository under the same name, a filter that fails), an account, or a Secret. There is one
// for each reason, so that strangers cannot accumulate them.
type observed struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Reason    string `json:"reason"`
}

// subject is the object whose status shows it, or stands for the Secrets of a namespace.
func (o observed) subject() subject {
	switch o.Kind {
	case kindAccount:
		return defaultsOf(o.Namespace)
	case kindSecret:
		return secretsOf(o.Namespace)
	}
	return subject{kindRoute, types.NamespacedName{Namespace: o.Namespace, Name: o.Name}}
}

// observation is what was observed last. Of two replicas' observations the later one is true.
type observation struct {
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
	// Gone is set when the object was deleted, so that no replica brings the observation back.
	Gone bool `json:"gone,omitempty"`

	stored time.Time // when what is stored was observed
}

func (o observation) expires(of observed) time.Time {
	if of.Kind == kindAccount && !o.Gone {
		return o.At.Add(accountFor)
	}
	return o.At.Add(noticeFor)
}

// observations are what this replica and the others observed in the traffic, for the status. The replica that
// observes is seldom the one that writes status, so they are shared through the store (shared.go).
type observations struct {
	mu      sync.Mutex
	all     map[subject]map[observed]observation // by the object whose status shows them
	changes int64                                // so far
	dirty   map[string]int64                     // the last change of each key in the store that lacks something
	read    [observationKeys][]byte              // what was read of each key
}

// set records an observation. One that is news, or that was stored long ago, is to be stored.
func (o *observations) set(of observed, now observation, news bool) {
	now.stored = o.all[of.subject()][of].stored
	o.keep(of, now)
	if news || now.At.Sub(now.stored) >= refreshAfter {
		if o.dirty == nil {
			o.dirty = map[string]int64{}
		}
		o.changes++
		o.dirty[storeKey(of.Namespace)] = o.changes
	}
}

func (o *observations) keep(of observed, now observation) {
	s := of.subject()
	if o.all == nil {
		o.all = map[subject]map[observed]observation{}
	}
	if o.all[s] == nil {
		o.all[s] = map[observed]observation{}
	}
	o.all[s][of] = now
}

// notice records a notice and reports whether it is news.
func (o *observations) notice(route types.NamespacedName, reason, message string, at time.Time) (news bool) {
	return o.put(observed{kindRoute, route.Namespace, route.Name, reason}, bounded(message), at)
}

// put records an observation and reports whether it is news.
func (o *observations) put(of observed, message string, at time.Time) (news bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, ok := o.all[of.subject()][of]
	news = !ok || old.Gone || old.Message != message
	o.set(of, observation{Message: message, At: at}, news)
	return news
}

// attempted records an attempt with an account, and why it failed; empty if it did not. It reports whether the
// state changed, so that repeated outcomes cause no write.
func (o *observations) attempted(account types.NamespacedName, at time.Time, failure string) (news bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := observed{kindAccount, account.Namespace, account.Name, seenDelivered}
	other := observed{kindAccount, account.Namespace, account.Name, seenFailed}
	failure = bounded(failure)
	if failure != "" {
		of, other = other, of
	}
	known := o.all[of.subject()]
	old, ok := known[of]
	news = !ok || old.Gone || old.Message != failure || known[other].At.After(old.At)
	o.set(of, observation{Message: failure, At: at}, news)
	return news
}

// notices returns the notices of a route, and how long until the first one expires.
func (o *observations) notices(route types.NamespacedName, now time.Time) (messages []string, again time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for of, note := range o.all[subject{kindRoute, route}] {
		if left := note.expires(of).Sub(now); left > 0 && !note.Gone {
			messages = append(messages, note.Message)
			again = sooner(again, left)
		}
	}
	slices.Sort(messages)
	return messages, again
}

// account returns the state of an account.
func (o *observations) account(account types.NamespacedName) AccountState {
	o.mu.Lock()
	defer o.mu.Unlock()
	var s AccountState
	for of, last := range o.all[defaultsOf(account.Namespace)] {
		switch {
		case of.Name != account.Name || last.Gone:
		case of.Reason == seenDelivered:
			s.Delivered = last.At
		case of.Reason == seenFailed:
			s.Failed, s.Reason = last.At, last.Message
		}
	}
	return s
}

// forget removes what is known of a subject and no longer true.
func (o *observations) forget(s subject, gone func(observed) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for of, old := range o.all[s] {
		if !old.Gone && gone(of) {
			// Clocks of replicas differ, and the later of two observations is true.
			at := time.Now()
			if !at.After(old.At) {
				at = old.At.Add(1)
			}
			o.set(of, observation{At: at, Gone: true}, true)
		}
	}
}

// unlabeled returns the Secrets of a namespace that lack their label, and those that once did.
func (o *observations) unlabeled(namespace string) map[observed]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	secrets := map[observed]bool{}
	for of, last := range o.all[secretsOf(namespace)] {
		secrets[of] = !last.Gone
	}
	return secrets
}

// expire drops what is too old.
func (o *observations) expire(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s, known := range o.all {
		for of, old := range known {
			if !now.Before(old.expires(of)) {
				delete(known, of)
			}
		}
		if len(known) == 0 {
			delete(o.all, s)
		}
	}
}
