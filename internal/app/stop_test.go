package app

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/test/chart/pod"
	"github.com/travishook/travishook/test/helm"
)

// A pod that is killed while it stores outcomes sends their messages twice.
func TestThePodIsGivenTheTimeThatStoppingTakes(t *testing.T) {
	const root = "../.."
	h, err := helm.New(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, linger := range []string{settings.Default().Receiver.Linger.String(), "0s", "0", "1.5s", "20s", "1m"} {
		receiver := map[string]any{}
		if linger != settings.Default().Receiver.Linger.String() {
			receiver["linger"] = linger
		}
		values, err := json.Marshal(map[string]any{"config": map[string]any{"receiver": receiver}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := h.Run(t.Context(), "template", "travishook", h.Chart(), "--set-json", string(values))
		if err != nil {
			t.Fatal(err)
		}
		template, err := pod.Template(out)
		if err != nil {
			t.Fatal(err)
		}
		lingers, err := time.ParseDuration(linger)
		if err != nil {
			t.Fatal(err)
		}
		given := time.Duration(*template.Spec.TerminationGracePeriodSeconds) * time.Second
		if least := lingers + stopTimeout; given < least || given > least+10*time.Second {
			t.Errorf("with a linger of %s the pod is given %s, and stopping takes %s at most", linger, given, least)
		}
	}
}

// An operator alone is the only one that can take the webhooks that arrive while it lingers, so it must
// not take itself out of the Service. With others it must.
func TestAnOperatorAloneStaysReadyWhileItLingers(t *testing.T) {
	for replicated, want := range map[bool]string{true: "the operator is stopping", false: "the routing table is not complete yet"} {
		p := &pipeline{replicated: replicated}
		p.stopping.Store(true)
		if err := p.readyz(nil); err == nil || err.Error() != want {
			t.Errorf("replicated %t: %v, want %q", replicated, err, want)
		}
	}
}
