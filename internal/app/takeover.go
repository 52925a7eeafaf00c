package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// signingKeys are those that an operator verifies webhooks with.
type signingKeys interface {
	Run(context.Context) error // fetches them
	Ready() error
}

// takeOver returns an error if an operator with these settings cannot open the store that another process has open. The
// other is stopped when this one becomes ready, so that must not happen before the keys are ready, either.
func takeOver(s settings.Settings, log logr.Logger) (*keysource.Keys, error) {
	if err := embedded.Check(s.Store.Directory, s.Store.MaxSize.Value()); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", s.Store.Directory, err)
	}
	trust := s.Trust
	if slices.ContainsFunc(trust.Keys, func(k settings.Key) bool { return k.URL == "" }) {
		trust.Keys = nil // one that is not fetched is enough
	}
	return newKeys(trust, noStore{}, nil, nil, log.WithName("keys"))
}

// noStore keeps nothing: the store that has the keys which were fetched before is not open yet.
type noStore struct{}

// Get implements keyvalue.Store.
func (noStore) Get(string, string) (value []byte, ok bool) { return nil, false }

// Put implements keyvalue.Store.
func (noStore) Put(context.Context, string, string, []byte) error { return nil }

// Update implements keyvalue.Store.
func (noStore) Update(context.Context, string, string, func([]byte, bool) ([]byte, error)) error {
	return nil
}
