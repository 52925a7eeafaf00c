// Package trail remembers for a while what came in and what became of it, so that a person who
// asks why no message came can be answered. It is in memory, bounded, and each replica's own: it
// begins when the operator starts. What has not ended is in the store, too, and outlives that.
//
// Nothing secret is in it. What it holds of a webhook belongs to whoever it was proven to; whoever
// reads it must see to that.
package trail

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/travis"
)

// Trail remembers. Its methods may be called from many goroutines and do not block.
type Trail struct {
	since    time.Time
	declared func(slug string) bool

	mu        sync.Mutex
	proven    *shelf[receiver.Report] // by the repository's slug in lower case, as the next three
	refused   *shelf[receiver.Report]
	strangers *shelf[receiver.Report]
	ended     *shelf[queue.Summary]
	attempts  *shelf[Attempt] // by the delivery's ID
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	Outcome queue.Outcome
	Took    time.Duration
}

// New returns a Trail that begins at since. declared tells whether anybody declares a repository.
func New(since time.Time, declared func(slug string) bool) *Trail {
	return &Trail{
		since: since, declared: declared,
		proven:    newShelf[receiver.Report](perRepository, provenOverall, provenBytes),
		refused:   newShelf[receiver.Report](refusedPerRepository, refusedOverall, 0),
		strangers: newShelf[receiver.Report](strangersPerName, strangersOverall, 0),
		ended:     newShelf[queue.Summary](endedPerRepository, endedOverall, 0),
		attempts:  newShelf[Attempt](attemptsPerDelivery, attemptsOverall, 0),
	}
}

// Since is when it began to remember.
func (t *Trail) Since() time.Time { return t.since }

// Judged remembers a webhook. It keeps what the webhook was judged by and not the verdicts of the
// routes: those follow from it, and cost nothing until somebody asks.
func (t *Trail) Judged(j receiver.Report) {
	slug, ok := key(j.Slug)
	if !ok {
		return
	}
	shelf, size := t.refused, 0
	switch {
	case j.Event != nil:
		shelf, size = t.proven, sizeOf(j.Event)
	case j.Repository == nil && !t.declared(slug):
		shelf = t.strangers
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	shelf.put(slug, j, size)
}

// Attempted remembers an attempt.
func (t *Trail) Attempted(a record.Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts.put(a.Delivery.ID, Attempt{a.Outcome, a.Took}, 0)
}

// Ended remembers a delivery that was delivered or dropped.
func (t *Trail) Ended(s queue.Summary) {
	slug, ok := key(s.Repository)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended.put(slug, s, 0)
}

// Webhooks are those that came for a repository, in any case of letters, newest first.
func (t *Trail) Webhooks(slug string) []receiver.Report {
	slug = strings.ToLower(slug)
	t.mu.Lock()
	all := slices.Concat(t.proven.of(slug), t.refused.of(slug), t.strangers.of(slug))
	t.mu.Unlock()
	slices.SortStableFunc(all, func(a, b receiver.Report) int { return b.At.Compare(a.At) })
	return all
}

// Deliveries are those of a repository that have ended.
func (t *Trail) Deliveries(slug string) []queue.Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended.of(strings.ToLower(slug))
}

// Attempts are those of a delivery, oldest first.
func (t *Trail) Attempts(delivery string) []Attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.attempts.of(delivery)
}

// Strangers are the repositories, in lower case, that webhooks came for and nobody had declared.
func (t *Trail) Strangers() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.strangers.by))
}

// key is the slug in lower case. Whatever cannot be a repository's is not remembered.
func key(slug string) (string, bool) { return strings.ToLower(slug), travis.IsSlug(slug) }

// sizeOf estimates the bytes of an event: its texts, and what it is beside them.
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
