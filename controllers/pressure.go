package controllers

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

// StoreState says whether the store accepts events, and what it lost.
type StoreState struct {
	// Reason is empty while it accepts events, else one of the reasons of ConditionStoreAvailable.
	Reason string
	// Message explains the reason in a sentence.
	Message string
	// Lost describes each loss of the last seven days.
	Lost []string
	// Refused has a message for each namespace whose events are refused because it has used its share.
	Refused map[string]string
}

// A store at its limit flaps as deliveries finish, so its transitions are reported with hysteresis.
const (
	storeCheckInterval = time.Second
	// recoveredAfter is how long the store must accept events before it is reported as available.
	recoveredAfter = 15 * time.Second
	// warnInterval is the least time between two reports that the store rejects events.
	warnInterval = time.Minute
)

// pressure decides which states of the store are reported.
type pressure struct {
	mu         sync.Mutex
	reported   StoreState
	rejectedAt time.Time // when the store was last seen rejecting events
	warnedAt   time.Time // when that was last reported
}

// observe records the store's state and returns whether to report it.
func (p *pressure) observe(s StoreState, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Reason != "" {
		p.rejectedAt = now
	}
	switch {
	case !slices.Equal(s.Lost, p.reported.Lost):
		p.reported.Lost = s.Lost
		return true
	case s.Reason == p.reported.Reason:
		// Which namespaces have used their share may change.
		if s.Reason != v1alpha1.ReasonShareUsed || s.Message == p.reported.Message || now.Sub(p.warnedAt) < warnInterval {
			return false
		}
	case s.Reason == "" && now.Sub(p.rejectedAt) < recoveredAfter:
		return false
	case s.Reason != "" && now.Sub(p.warnedAt) < warnInterval:
		return false
	}
	if s.Reason != "" {
		p.warnedAt = now
	}
	p.reported = s
	return true
}

// state returns the state that was reported last.
func (p *pressure) state() StoreState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reported
}

// watchStore checks the store periodically until ctx ends.
func (w *StatusWriter) watchStore(ctx context.Context) {
	ticker := time.NewTicker(storeCheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.checkStore()
		case <-ctx.Done():
			return
		}
	}
}

// checkStore reports a change of the store's state as an Event on the operator's own object, and on the status
// of the cluster's defaults if they exist.
func (w *StatusWriter) checkStore() {
	before, state := w.pressure.state(), w.Store()
	w.reportShares(w.shares.observe(state.Refused, time.Now()))
	if !w.pressure.observe(state, time.Now()) {
		return
	}
	now := w.pressure.state()
	if now.Reason != before.Reason {
		c := storeCondition(now)
		kind := corev1.EventTypeNormal
		if c.Status == metav1.ConditionFalse {
			kind = corev1.EventTypeWarning
		}
		w.Recorder.Eventf(w.Self, nil, kind, c.Reason, "TakeEvents", "%s", c.Message)
	}
	for _, loss := range now.Lost {
		if !slices.Contains(before.Lost, loss) {
			w.Recorder.Eventf(w.Self, nil, corev1.EventTypeWarning, v1alpha1.ReasonEventsLost, "ReadStore", "%s", bounded(loss))
		}
	}
	w.queue.add(defaultsOf(w.Lease.Namespace), 0)
}

// reportShares queues the routes of namespaces, because a share is used up or has room again.
func (w *StatusWriter) reportShares(namespaces []string) {
	if len(namespaces) == 0 {
		return
	}
	for _, key := range w.Compiler.Objects().Routes {
		if slices.Contains(namespaces, key.Namespace) {
			w.queue.addChanged(subject{kindRoute, key})
		}
	}
}

// storeCondition returns the StoreAvailable condition of the cluster's defaults.
func storeCondition(s StoreState) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionStoreAvailable, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonStoreAvailable, Message: "the store accepts events"}
	if s.Reason != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.Reason, bounded(s.Message)
	}
	return c
}

// intactCondition returns the StoreIntact condition of the cluster's defaults.
func intactCondition(s StoreState) metav1.Condition {
	if len(s.Lost) == 0 {
		return metav1.Condition{Type: v1alpha1.ConditionStoreIntact, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonStoreIntact, Message: "all that the store accepted can be read"}
	}
	return metav1.Condition{Type: v1alpha1.ConditionStoreIntact, Status: metav1.ConditionFalse,
		Reason: v1alpha1.ReasonEventsLost, Message: bounded(strings.Join(s.Lost, "\n"))}
}

// setStoreConditions sets the store's conditions on the cluster's defaults and removes them from others.
func setStoreConditions(status *v1alpha1.TravisDefaultsStatus, clusterWide bool, s StoreState) {
	if !clusterWide {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStoreAvailable)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStoreIntact)
		return
	}
	set := setter(&status.Conditions, status.ObservedGeneration)
	set(storeCondition(s))
	set(intactCondition(s))
}
