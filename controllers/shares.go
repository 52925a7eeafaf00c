package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

// shares remembers which namespaces have used their share of the store, so that their routes report it. A
// namespace flaps as its deliveries end, so it is reported for a minute longer.
type shares struct {
	mu       sync.Mutex
	reported map[string]usedShare
}

type usedShare struct {
	message string
	seen    time.Time // when its events were last refused
}

// observe records the namespaces whose events are refused, with a message for each, and returns those
// whose routes must be written.
func (s *shares) observe(refused map[string]string, now time.Time) (changed []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace, message := range refused {
		used, known := s.reported[namespace]
		if !known {
			used.message = message
			changed = append(changed, namespace)
		}
		used.seen = now
		if s.reported == nil {
			s.reported = map[string]usedShare{}
		}
		s.reported[namespace] = used
	}
	for namespace, used := range s.reported {
		if now.Sub(used.seen) >= warnInterval {
			delete(s.reported, namespace)
			changed = append(changed, namespace)
		}
	}
	return changed
}

// of returns the message for a namespace; empty if its events are accepted.
func (s *shares) of(namespace string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reported[namespace].message
}

// setShareCondition sets StoreAvailable on a route while the store refuses the events of its namespace.
func setShareCondition(status *v1alpha1.TravisRouteStatus, message string) {
	if message == "" {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStoreAvailable)
		return
	}
	setter(&status.Conditions, status.ObservedGeneration)(metav1.Condition{
		Type: v1alpha1.ConditionStoreAvailable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonShareUsed, Message: message,
	})
}
