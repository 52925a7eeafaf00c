package keysource

import (
	"context"
	"errors"
	"fmt"
)

// Refresh fetches every key with a URL now. The error joins the failures with the keys' names.
func (k *Keys) Refresh(ctx context.Context) error {
	var problems []error
	for _, s := range k.sources {
		if s.URL == "" {
			continue
		}
		if err := k.refresh(ctx, s); err != nil {
			problems = append(problems, fmt.Errorf("key %q: %w", s.Name, err))
		}
	}
	return errors.Join(problems...)
}
