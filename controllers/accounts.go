package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// AccountState is the state of an account since the operator started.
type AccountState struct {
	Connected *bool     // nil if the service keeps no connection
	Delivered time.Time // the last delivered message; zero if none
	Failed    time.Time // the last failed attempt; zero if none
	Reason    string    // why that attempt failed
}

// accounts keeps the state of each account, by the namespace that defines it and its name.
type accounts struct {
	mu  sync.Mutex
	all map[types.NamespacedName]AccountState
}

// attempted records an outcome and reports whether the state changed, so that repeated outcomes cause no write.
func (a *accounts) attempted(account types.NamespacedName, at time.Time, failure string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[types.NamespacedName]AccountState{}
	}
	s := a.all[account]
	defer func() { a.all[account] = s }()
	if failure == "" {
		changed := s.Delivered.IsZero() || s.Failed.After(s.Delivered)
		s.Delivered = at
		return changed
	}
	changed := s.Failed.IsZero() || s.Delivered.After(s.Failed) || s.Reason != failure
	s.Failed, s.Reason = at, failure
	return changed
}

func (a *accounts) of(account types.NamespacedName) AccountState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[account]
}

// retain removes the accounts of a namespace that it no longer defines.
func (a *accounts) retain(namespace string, defines func(name string) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.all {
		if key.Namespace == namespace && !defines(key.Name) {
			delete(a.all, key)
		}
	}
}
