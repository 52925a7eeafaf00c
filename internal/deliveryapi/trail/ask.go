package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/queue/replica"
)

// Replicas is the part of replica.Replicas that asks all replicas, this one included.
type Replicas interface {
	AskAll(ctx context.Context, kind string, payload []byte) []replica.Reply
}

// The kinds of requests between replicas.
const (
	KindRecords = "trail/records"
	KindCounts  = "trail/counts"
)

// Everywhere answers from what all replicas remember, and from what was stored.
type Everywhere struct {
	Keeper   *Keeper
	Replicas Replicas
}

// Records returns what is known of a repository.
func (e Everywhere) Records(ctx context.Context, slug string) Records {
	e.Keeper.Load()
	var records Records
	for _, reply := range e.ask(ctx, KindRecords, question{Slug: slug}) {
		var remembered Records
		if reply.Err != nil || json.Unmarshal(reply.Data, &remembered) != nil {
			records.Missing++
			continue
		}
		records.Merge(remembered)
	}
	return records
}

// Counts returns the counters of a repository since a time, in whole hours, and the number of replicas
// that did not answer.
func (e Everywhere) Counts(ctx context.Context, slug string, since time.Time) (counted []Counted, from time.Time, missing int) {
	slug = strings.ToLower(slug)
	if oldest := e.Keeper.now().Add(-keepFor); since.Before(oldest) {
		since = oldest
	}
	q := question{Slug: slug, From: hourOf(since)}
	found := e.Keeper.storedSums(slug, q.From)
	for _, reply := range e.ask(ctx, KindCounts, q) {
		var unsaved []Counted
		if reply.Err != nil || json.Unmarshal(reply.Data, &unsaved) != nil {
			missing++
			continue
		}
		found.add(unsaved)
	}
	return found.list(), q.From.start(), missing
}

// question is the payload of a request.
type question struct {
	Slug string `json:"slug"`
	From hour   `json:"from,omitempty"`
}

func (e Everywhere) ask(ctx context.Context, kind string, q question) []replica.Reply {
	payload, err := json.Marshal(q)
	if err != nil {
		return []replica.Reply{{Err: fmt.Errorf("ask replicas: %w", err)}}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return e.Replicas.AskAll(ctx, kind, payload)
}

// Handle has the trail answer the questions of all replicas.
func (t *Trail) Handle(register func(kind string, fn replica.Handler)) {
	register(KindRecords, t.answerRecords)
	register(KindCounts, t.answerCounts)
}

func (t *Trail) answerRecords(_ context.Context, payload []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	return json.Marshal(t.Local(q.Slug))
}

// answerCounts answers with the counters that are not stored yet.
func (t *Trail) answerCounts(_ context.Context, payload []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return json.Marshal(t.counts.of(q.Slug, q.From))
}
