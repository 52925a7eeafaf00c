package app

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
)

// storeState converts the store's state to the status writer's.
func storeState(refuses error, losses []queue.Loss, usages []queue.Usage) controllers.StoreState {
	state := refusal(refuses)
	addShares(&state, usages)
	for i := range losses {
		state.Lost = append(state.Lost, fmt.Sprintf("%s: %s", losses[i].At.Format(time.RFC3339), losses[i].String()))
	}
	return state
}

// namedShares is how many namespaces a message names.
const namedShares = 5

// addShares adds the namespaces that have used their share of the store.
func addShares(state *controllers.StoreState, usages []queue.Usage) {
	var names []string
	for _, u := range usages {
		if !u.Full {
			continue
		}
		if state.Refused == nil {
			state.Refused = map[string]string{}
		}
		state.Refused[u.Namespace] = fmt.Sprintf("%snamespace %s has used its share of the store: %s. "+
			"Space becomes free as deliveries end. Fix or remove channels that accept no messages; kubectl travis deliveries -n %[2]s lists the deliveries", lost, u.Namespace, used(u))
		names = append(names, u.Namespace)
	}
	if len(names) == 0 || state.Reason != "" {
		return
	}
	slices.Sort(names)
	which := strings.Join(names[:min(len(names), namedShares)], ", ")
	if more := len(names) - namedShares; more > 0 {
		which += fmt.Sprintf(" and %d more", more)
	}
	state.Reason = v1alpha1.ReasonShareUsed
	state.Message = fmt.Sprintf("%ssome namespaces have used their share of the store: %s. "+
		"Events of other namespaces are accepted. Fix or remove channels that accept no messages, or raise store.maxSize and the size of the volume", lost, which)
}

// used says what a namespace has in the store.
func used(u queue.Usage) string {
	return fmt.Sprintf("%d deliveries take %.1f MiB of it, and %.1f MiB of memory", u.Deliveries, mebibytes(u.Bytes), mebibytes(u.Memory))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

const lost = "webhooks are refused, and Travis does not send them again: "

func refusal(refuses error) controllers.StoreState {
	switch {
	case refuses == nil:
		return controllers.StoreState{}
	case errors.Is(refuses, queue.ErrFull):
		return controllers.StoreState{Reason: v1alpha1.ReasonStoreFull, Message: fmt.Sprintf(
			"%s%s. Space becomes free as messages are delivered. If channels are down for a long time, raise store.maxSize and the size of the volume", lost, refuses)}
	}
	state := controllers.StoreState{Reason: v1alpha1.ReasonStoreUnavailable, Message: lost + refuses.Error()}
	if !errors.Is(refuses, embedded.ErrRemoved) {
		state.Message += ". Stored deliveries are safe, and are sent as soon as the store responds"
	}
	return state
}

// storeEvents reports on the operator's own object why the store is not open yet. Of a readiness probe that fails,
// kubectl describe pod shows the status code alone.
type storeEvents struct {
	recorder events.EventRecorder
	self     client.Object
}

func (e storeEvents) report(reason string) {
	e.recorder.Eventf(e.self, nil, corev1.EventTypeWarning, v1alpha1.ReasonStoreNotOpen, "OpenStore", "%s", reason)
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
