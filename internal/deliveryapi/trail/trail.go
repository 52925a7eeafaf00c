// Package trail remembers for a while which webhooks were received and what happened to their
// deliveries, so that kubectl travis why can explain it.
//
// Each replica remembers what it did itself. A question is answered from what all replicas remember
// (ask.go). What was authorized is also stored in batches (store.go), and so outlives restarts and
// replicas; what was not is only counted there (counts.go), so that strangers cannot fill the disk.
//
// Nothing in it is secret. What it has of a webhook belongs to the namespaces that the webhook was
// authorized for; package why enforces that.
package trail

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agnivade/levenshtein"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/travis"
)

// Trail remembers. Its methods may be called from many goroutines and do not block.
type Trail struct {
	declared func(slug string) bool

	mu         sync.Mutex
	since      time.Time
	authorized *recent[*webhook] // by the repository's slug in lower case, like the next three
	rejected   *recent[*webhook]
	undeclared *recent[*webhook] // for repositories that no route names
	ended      *recent[queue.Summary]
	attempts   *recent[storedAttempt] // by delivery ID
	counts     *counts
	unsaved    unsaved // since the last save
}

// webhook is a report whose verdicts are computed when somebody needs them, which keeps that work out of
// the receiver.
type webhook struct {
	base       Webhook // without namespaces
	namespaces func() []Namespace
}

func (w *webhook) resolved() Webhook {
	resolved := w.base
	resolved.Namespaces = w.namespaces()
	return resolved
}

// New returns an empty Trail. declared reports whether a route names a repository.
func New(since time.Time, declared func(slug string) bool) *Trail {
	t := &Trail{
		since: since, declared: declared,
		authorized: newRecent[*webhook](perRepository, authorizedOverall, authorizedBytes),
		rejected:   newRecent[*webhook](rejectedPerRepository, rejectedOverall, 0),
		undeclared: newRecent[*webhook](undeclaredPerName, undeclaredOverall, 0),
		ended:      newRecent[queue.Summary](endedPerRepository, endedOverall, 0),
		attempts:   newRecent[storedAttempt](attemptsPerDelivery, attemptsOverall, 0),
		counts:     newCounts(),
		unsaved:    newUnsaved(),
	}
	t.authorized.at = func(w *webhook) time.Time { return w.base.At }
	return t
}

// Report remembers a webhook.
func (t *Trail) Report(r receiver.Report) {
	slug, ok := key(r.Slug)
	if !ok {
		return
	}
	w := &webhook{base: newWebhook(&r), namespaces: sync.OnceValue(func() []Namespace { return namespaces(&r) })}
	declared := r.Event != nil || r.Repository != nil || t.declared(slug)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.Event != nil:
		t.authorized.add(slug, w, sizeOf(r.Event))
		t.unsaved.webhooks.add(slug, w, 0)
	case declared:
		t.rejected.add(slug, w, 0)
		t.counts.add(r.At, countKey{Repository: slug, Kind: countRejected, Reason: r.Reason})
	default:
		t.undeclared.add(slug, w, 0)
	}
}

// Attempted remembers an attempt.
func (t *Trail) Attempted(a record.Attempt) {
	slug, ok := key(a.Delivery.Event.Repository.Slug())
	if !ok {
		return
	}
	attempt := storedAttempt{slug, a.Delivery.ID, Attempt{a.Outcome, a.Took}}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts.add(a.Delivery.ID, attempt, 0)
	t.unsaved.attempts.add(slug, attempt, 0)
	at := a.Outcome.At
	if firstAttempt(&a) {
		t.counts.add(at, countOf(slug, a.Delivery.Target, countMatched, ""))
	}
	switch a.Outcome.Kind {
	case queue.Retry:
		t.counts.add(at, countOf(slug, a.Delivery.Target, countFailed, a.Outcome.Reason))
	case queue.Dead:
		t.counts.add(at, countOf(slug, a.Delivery.Target, countDead, a.Outcome.Reason))
	}
}

// firstAttempt reports whether an attempt was made for the first time, and not after a redrive.
func firstAttempt(a *record.Attempt) bool {
	return a.Delivery.Attempt == 1 && a.Delivery.Since.Equal(a.Delivery.Accepted) &&
		a.Outcome.Kind != queue.Reassigned && a.Outcome.Kind != queue.Dropped
}

// Ended remembers a delivery that was delivered or dropped.
func (t *Trail) Ended(s queue.Summary) {
	slug, ok := key(s.Repository)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended.add(slug, s, 0)
	t.unsaved.ended.add(slug, s, 0)
	if s.Last.Kind == queue.Delivered {
		t.counts.add(s.Last.At, countOf(slug, s.Target, countDelivered, ""))
		return
	}
	t.counts.add(s.Last.At, countOf(slug, s.Target, countDropped, s.Last.Reason))
	if s.Attempts == 0 { // dropped before the first attempt
		t.counts.add(s.Last.At, countOf(slug, s.Target, countMatched, ""))
	}
}

// Local returns what this replica remembers of a repository, in any case of letters.
func (t *Trail) Local(slug string) Records {
	slug = strings.ToLower(slug)
	t.mu.Lock()
	found := slices.Concat(t.authorized.get(slug), t.rejected.get(slug), t.undeclared.get(slug))
	r := Records{Since: t.since, Ended: t.ended.get(slug), Attempts: map[string][]Attempt{}, Similar: t.similar(slug)}
	r.Forgotten, r.Dropped = t.authorized.dropped(slug)
	for a := range t.attempts.all() {
		if a.Repository == slug {
			r.Attempts[a.Delivery] = append(r.Attempts[a.Delivery], a.Attempt)
		}
	}
	t.mu.Unlock()
	for _, w := range found {
		r.Webhooks = append(r.Webhooks, w.resolved())
	}
	slices.SortStableFunc(r.Webhooks, func(a, b Webhook) int { return b.At.Compare(a.At) })
	return r
}

// takeUnsaved returns the new records and starts again.
func (t *Trail) takeUnsaved() batch {
	t.mu.Lock()
	b := batch{Since: t.since}
	taken := t.unsaved
	t.unsaved = newUnsaved()
	t.mu.Unlock()
	for w := range taken.webhooks.all() {
		b.Webhooks = append(b.Webhooks, w.resolved())
	}
	b.Ended, b.Attempts = slices.Collect(taken.ended.all()), slices.Collect(taken.attempts.all())
	return b
}

// load takes in a stored batch, without what is older than oldest or known already.
func (t *Trail) load(b batch, oldest time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.Since.Before(t.since) {
		t.since = later(b.Since, oldest)
	}
	for _, w := range b.Webhooks {
		if slug, ok := key(w.Slug); ok && w.At.After(oldest) {
			stored := &webhook{base: w, namespaces: func() []Namespace { return w.Namespaces }}
			t.authorized.addNew(slug, stored, w.size(), func(o *webhook) bool { return o.base.same(&w) })
		}
	}
	for _, s := range b.Ended {
		if slug, ok := key(s.Repository); ok && s.Last.At.After(oldest) {
			t.ended.addNew(slug, s, 0, func(o queue.Summary) bool { return sameEnd(o, s) })
		}
	}
	for _, a := range b.Attempts {
		if a.Outcome.At.After(oldest) {
			t.attempts.addNew(a.Delivery, a, 0, func(o storedAttempt) bool { return sameAttempt(o.Attempt, a.Attempt) })
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// similar returns the repositories whose names differ from slug in a letter or two.
func (t *Trail) similar(slug string) []string {
	var similar []string
	for _, m := range []*recent[*webhook]{t.authorized, t.rejected, t.undeclared} {
		for name := range m.byKey {
			if Similar(slug, name) {
				similar = append(similar, name)
			}
		}
	}
	slices.Sort(similar)
	return slices.Compact(similar)
}

// maxDistance is the number of letters in which similar names differ.
const maxDistance = 2

// Similar reports whether one of two different names may be a misspelling of the other.
func Similar(a, b string) bool {
	if d := len(a) - len(b); a == b || d > maxDistance || -d > maxDistance {
		return false
	}
	return levenshtein.ComputeDistance(a, b) <= maxDistance
}

// key returns the slug in lower case, and whether it can be that of a repository.
func key(slug string) (string, bool) { return strings.ToLower(slug), travis.IsSlug(slug) }

// sizeOf estimates the bytes of an event in memory.
func sizeOf(e *travis.Event) int {
	const event, job = 800, 150
	b, c := &e.Build, &e.Commit
	size := event + job*len(e.Jobs) + len(b.URL) + len(b.Branch) + len(b.Tag) + len(c.Message) + len(c.Author) +
		len(c.Committer) + len(c.CompareURL)
	if e.PullRequest != nil {
		size += len(e.PullRequest.Title)
	}
	return size
}
