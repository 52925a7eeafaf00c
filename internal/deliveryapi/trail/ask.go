package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Peers asks the other replicas. Without any it returns no replies.
type Peers interface {
	// AskAll sends a request to every other replica and returns a reply, or an error, for each.
	AskAll(ctx context.Context, kind string, payload []byte) []Reply
}

// Reply is what another replica replied.
type Reply struct {
	Payload []byte
	Err     error
}

// The kinds of requests between replicas.
const (
	KindRecords = "trail/records"
	KindCounts  = "trail/counts"
)

// Everywhere answers from what all replicas remember, and from what was stored.
type Everywhere struct {
	Trail  *Trail
	Keeper *Keeper
	Peers  Peers // nil for none
}

// Records returns what is known of a repository.
func (e Everywhere) Records(ctx context.Context, slug string) Records {
	e.Keeper.Load()
	records := e.Trail.Local(slug)
	for _, reply := range e.ask(ctx, KindRecords, question{Slug: slug}) {
		var remote Records
		if reply.Err != nil || json.Unmarshal(reply.Payload, &remote) != nil {
			records.Missing++
			continue
		}
		records.Merge(remote)
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
	found.add(e.Trail.localCounts(q))
	for _, reply := range e.ask(ctx, KindCounts, q) {
		var remote []Counted
		if reply.Err != nil || json.Unmarshal(reply.Payload, &remote) != nil {
			missing++
			continue
		}
		found.add(remote)
	}
	return found.list(), q.From.start(), missing
}

// question is the payload of a request.
type question struct {
	Slug string `json:"slug"`
	From hour   `json:"from,omitempty"`
}

func (e Everywhere) ask(ctx context.Context, kind string, q question) []Reply {
	if e.Peers == nil {
		return nil
	}
	payload, err := json.Marshal(q)
	if err != nil {
		return []Reply{{Err: fmt.Errorf("ask replicas: %w", err)}}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return e.Peers.AskAll(ctx, kind, payload)
}

// AnswerRecords answers KindRecords for another replica.
func (t *Trail) AnswerRecords(_ context.Context, payload []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	return json.Marshal(t.Local(q.Slug))
}

// AnswerCounts answers KindCounts for another replica: with the counters that are not stored yet.
func (t *Trail) AnswerCounts(_ context.Context, payload []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	return json.Marshal(t.localCounts(q))
}

func (t *Trail) localCounts(q question) []Counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts.of(q.Slug, q.From)
}
