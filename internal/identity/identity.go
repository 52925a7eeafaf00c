// Package identity decides which repository a name stands for.
//
// Travis' payload names a repository by owner/name and by a number, its id. A name is not enough:
// it can be given up and taken by somebody else, and travis-ci.com builds for several providers and
// signs for all of them with one key, so that example/x of GitHub and example/x of Bitbucket differ
// in their ids only. So each namespace remembers the id of each repository, and where the first one
// came from.
package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Source is where an id is known from.
type Source string

// The sources, the surest first.
const (
	Spec       Source = "Spec"       // spec.repositoryID of a route
	API        Source = "TravisAPI"  // Travis' API, asked for the name at the key's provider
	CompareURL Source = "CompareURL" // the host of the signed compare_url
	FirstEvent Source = "FirstEvent" // the first proven event
)

// Words names a source for people.
func (s Source) Words() string {
	switch s {
	case Spec:
		return "spec.repositoryID"
	case API:
		return "Travis' API"
	case CompareURL:
		return "the compare_url of its first event, because Travis' API did not tell; spec.repositoryID is surer"
	}
	return "its first event"
}

// Record is the id that a namespace holds a repository to.
type Record struct {
	ID     int64  `json:"id"`
	Source Source `json:"source"`
}

// Memory keeps records. It is a part of queue.Queue.
type Memory interface {
	Get(bucket, key string) ([]byte, bool)
	// Update decides again when another replica was faster.
	Update(ctx context.Context, bucket, key string, next func(old []byte, ok bool) ([]byte, error)) error
}

// bucket of the memory. Each namespace has records of its own, so that none can spoil another's.
const bucket = "repository-ids"

func recordKey(namespace, slug string) string { return namespace + "/" + strings.ToLower(slug) }

// Get returns what a namespace remembers of a repository.
func Get(m Memory, namespace, slug string) (Record, bool) {
	value, ok := m.Get(bucket, recordKey(namespace, slug))
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

// Pin remembers r, unless something is remembered already. It returns what is remembered then: of two
// replicas that pin at once, both get the record of the one that was first.
func Pin(ctx context.Context, m Memory, namespace, slug string, r Record) (Record, error) {
	pinned := r
	err := m.Update(ctx, bucket, recordKey(namespace, slug), func(old []byte, ok bool) ([]byte, error) {
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
