// Package identity decides which repository a name refers to.
//
// Travis' payload identifies a repository by owner/name and by a number, its id. The name is not enough:
// another owner can take over a released name, and travis-ci.com signs the builds of several providers
// with one key, so that example/x at GitHub and example/x at Bitbucket differ in their ids only. So each
// namespace remembers the id of each repository, and where the id came from.
package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/travis"
)

// Source is where an id comes from.
type Source string

// The sources, the surest first.
const (
	Spec       Source = "Spec"       // spec.repositoryID of a route
	API        Source = "TravisAPI"  // Travis' API, asked for the name at the key's provider
	CompareURL Source = "CompareURL" // the host of the signed compare_url
	FirstEvent Source = "FirstEvent" // the first proven event
)

// Description names a source for people.
func (s Source) Description() string {
	switch s {
	case Spec:
		return "spec.repositoryID"
	case API:
		return "Travis' API"
	case CompareURL:
		return "the compare_url of its first event, because Travis' API did not return one; spec.repositoryID is safer"
	}
	return "its first event"
}

// Record is the id that a namespace has bound a repository to.
type Record struct {
	ID     int64  `json:"id"`
	Source Source `json:"source"`
}

// Claim is an event whose repository has the name of one that a namespace is authorized for.
type Claim struct {
	Namespace  string
	Event      *travis.Event
	Key        string // that signed the event, by name
	SpecID     int64  // that the namespace's routes pin; zero if none does
	KnowsToken bool   // the sender knows the namespace's token: the first event's id is accepted
}

// Check compares the event's id with that of the namespace's repository: the one that the namespace's routes pin,
// else the remembered one, else the one that is resolved now and then remembered. bound is the record if it was
// resolved now, and nil otherwise. If the ids differ, the error wraps ErrOther; it may also be one of Resolve or of
// the store.
func (r *Resolver) Check(ctx context.Context, s keyvalue.Store, c Claim) (bound *Record, err error) {
	if c.SpecID != 0 {
		return nil, c.compare(Record{ID: c.SpecID, Source: Spec})
	}
	slug := c.Event.Repository.Slug()
	if known, ok := Get(s, c.Namespace, slug); ok {
		return nil, c.compare(known)
	}
	first := Record{ID: c.Event.Repository.ID, Source: FirstEvent}
	if !c.KnowsToken {
		if first, err = r.Resolve(ctx, c.Key, c.Event); err != nil {
			return nil, err
		}
	}
	pinned, err := Pin(ctx, s, c.Namespace, slug, first)
	if err == nil {
		err = c.compare(pinned)
	}
	if err != nil || c.KnowsToken {
		return nil, err
	}
	return &pinned, nil
}

// compare returns nil if the event has the known id.
func (c *Claim) compare(known Record) error {
	if known.ID == c.Event.Repository.ID {
		return nil
	}
	return fmt.Errorf("%w: in this namespace %s has the id %d (from %s), and the event has the id %d; if the new one is right, set spec.repositoryID to it",
		ErrOther, c.Event.Repository.Slug(), known.ID, known.Source, c.Event.Repository.ID)
}

// bucket of the store. Each namespace has records of its own, so that none can spoil another's.
const bucket = "repository-ids"

func recordKey(namespace, slug string) string { return namespace + "/" + strings.ToLower(slug) }

// Get returns what a namespace remembers of a repository.
func Get(s keyvalue.Store, namespace, slug string) (Record, bool) {
	value, ok := s.Get(bucket, recordKey(namespace, slug))
	if !ok {
		return Record{}, false
	}
	return parse(value)
}

func parse(value []byte) (Record, bool) {
	var r Record
	err := json.Unmarshal(value, &r)
	return r, err == nil && r.ID > 0
}

// Pin stores r unless there is a record already, and returns the stored record. If two replicas pin at
// once, both get the record of the first.
func Pin(ctx context.Context, s keyvalue.Store, namespace, slug string, r Record) (Record, error) {
	pinned := r
	err := s.Update(ctx, bucket, recordKey(namespace, slug), func(old []byte, ok bool) ([]byte, error) {
		if known, valid := parse(old); ok && valid {
			pinned = known
			return old, nil
		}
		pinned = r
		return json.Marshal(r)
	})
	if err != nil {
		return Record{}, fmt.Errorf("remember the repository's id: %w", err)
	}
	return pinned, nil
}
