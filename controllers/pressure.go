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
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// StoreState is whether the store takes events.
type StoreState struct {
	// Reason is empty while it does, else one of the reasons of ConditionStoreAvailable.
	Reason string
	// Message says why it does not, in a sentence for people.
	Message string
	// Lost describes each loss of the last seven days.
	Lost []string
}

// A store that is at its limit takes events again with each message that goes out, and is full a
// moment later: who is told of each turn is told nothing.
const (
	storeLook = time.Second
	// calm is for how long the store must have taken events before that is told.
	calm = 15 * time.Second
	// warnEvery is how often it is told that the store takes none, at most.
	warnEvery = time.Minute
)

// pressure is what people are told of the store.
type pressure struct {
	mu      sync.Mutex
	told    StoreState
	refused time.Time // when the store was last seen refusing
	warned  time.Time // when that was last told
}

// observe takes up how the store is now, and reports whether people are to be told.
func (p *pressure) observe(s StoreState, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Reason != "" {
		p.refused = now
	}
	switch {
	case !slices.Equal(s.Lost, p.told.Lost):
		p.told.Lost = s.Lost
		return true
	case s.Reason == p.told.Reason:
		return false
	case s.Reason == "" && now.Sub(p.refused) < calm:
		return false
	case s.Reason != "" && now.Sub(p.warned) < warnEvery:
		return false
	}
	if s.Reason != "" {
		p.warned = now
	}
	p.told = s
	return true
}

// state is what people were told last.
func (p *pressure) state() StoreState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

// followStore looks at the store until ctx ends.
func (w *StatusWriter) followStore(ctx context.Context) {
	look := time.NewTicker(storeLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			w.lookAtStore()
		case <-ctx.Done():
			return
		}
	}
}

// lookAtStore tells of a change in an Event on the operator itself, and on the status of the
// cluster's defaults, where there are any.
func (w *StatusWriter) lookAtStore() {
	before := w.pressure.state()
	if !w.pressure.observe(w.Store(), time.Now()) {
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
	w.queue.add(subject{kindDefaults, types.NamespacedName{Namespace: w.Lease.Namespace, Name: v1alpha1.DefaultsName}}, 0)
}

// storeCondition is how the store is, on the status of the cluster's defaults.
func storeCondition(s StoreState) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionStoreAvailable, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonStoreAvailable, Message: "the store takes events"}
	if s.Reason != "" {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.Reason, bounded(s.Message)
	}
	return c
}

// intactCondition reports losses on the status of the cluster's defaults.
func intactCondition(s StoreState) metav1.Condition {
	if len(s.Lost) == 0 {
		return metav1.Condition{Type: v1alpha1.ConditionStoreIntact, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonStoreIntact, Message: "all that the store accepted can be read"}
	}
	return metav1.Condition{Type: v1alpha1.ConditionStoreIntact, Status: metav1.ConditionFalse,
		Reason: v1alpha1.ReasonEventsLost, Message: bounded(strings.Join(s.Lost, "\n"))}
}

// setStore has the status of a TravisDefaults tell of the store, or not, where it is one of a team's.
func setStore(status *v1alpha1.TravisDefaultsStatus, clusters bool, s StoreState) {
	if !clusters {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStoreAvailable)
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionStoreIntact)
		return
	}
	set := setter(&status.Conditions, status.ObservedGeneration)
	set(storeCondition(s))
	set(intactCondition(s))
}
