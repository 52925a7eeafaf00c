package app

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/verify/keysource"
)

// keyEvents reports on the operator's own object that webhooks are refused because no signing key is known. Of a
// readiness probe that fails, kubectl describe pod shows the status code alone.
type keyEvents struct {
	recorder events.EventRecorder
	self     client.Object
}

// report is called when a key becomes known, or the reason why it is not. A key that was not tried yet is no reason.
func (e keyEvents) report(keys *keysource.Keys) {
	err := keys.Ready()
	if err == nil {
		return
	}
	for _, state := range keys.States() {
		if !state.Known && state.Problem != "" {
			e.recorder.Eventf(e.self, nil, corev1.EventTypeWarning, v1alpha1.ReasonNoKey, "VerifyWebhooks", "%s%s", lost, err)
			return
		}
	}
}
