package app

import (
	"errors"
	"fmt"
	"os"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
)

// storeState converts the store's state to the status writer's.
func storeState(refuses error, losses []queue.Loss) controllers.StoreState {
	state := refusal(refuses)
	for i := range losses {
		state.Lost = append(state.Lost, fmt.Sprintf("%s: %s", losses[i].At.Format(time.RFC3339), losses[i].String()))
	}
	return state
}

func refusal(refuses error) controllers.StoreState {
	const lost = "webhooks are refused, and Travis does not send them again: "
	switch {
	case refuses == nil:
		return controllers.StoreState{}
	case errors.Is(refuses, queue.ErrFull):
		return controllers.StoreState{Reason: v1alpha1.ReasonStoreFull, Message: fmt.Sprintf(
			"%s%s. Delivered messages free space; if channels are down for long, raise store.maxSize, and the volume with it", lost, refuses)}
	}
	return controllers.StoreState{Reason: v1alpha1.ReasonStoreUnavailable, Message: fmt.Sprintf(
		"%s%s. What was stored is safe, and goes out as soon as the store answers again", lost, refuses)}
}

// storeSize implements record.Store.
type storeSize struct{ *engine.Engine }

// Lost implements record.Store.
func (s storeSize) Lost() (events, messages uint64) {
	for _, l := range s.Losses() {
		events += l.Events
		messages += l.Messages
	}
	return events, messages
}

// Size implements record.Store.
func (s storeSize) Size() (bytes, limit int64) {
	stats := s.Stats()
	return stats.Bytes, stats.MaxBytes
}

// self returns the operator's pod, which the chart sets in the environment, or else the lease of the
// status writer.
func self(namespace string) client.Object {
	if name := os.Getenv("POD_NAME"); name != "" {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(os.Getenv("POD_UID"))}}
	}
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: controllers.StatusLease}}
}
