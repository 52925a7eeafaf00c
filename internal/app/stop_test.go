package app

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"

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
	for _, linger := range []string{settings.Default().Receiver.Linger.String(), "0s", "0", "1.5s", "10s"} {
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

// sleepyCache notices only after a minute that it should stop.
type sleepyCache struct{ cache.Cache }

func (sleepyCache) Start(ctx context.Context) error {
	<-ctx.Done()
	time.Sleep(time.Minute)
	return nil
}

// After an API server was unavailable, the informers sleep between their retries. The next process waits for the
// store meanwhile.
func TestTheStopDoesNotWaitForSleepingInformers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, stop)
		began := time.Now()
		if err := (promptCache{sleepyCache{}}).Start(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began) - time.Hour; took < 0 || took > 5*time.Second {
			t.Errorf("the cache ends %s after its context", took)
		}
		time.Sleep(time.Hour) // the informers' goroutines end
	})
}

// An operator alone is the only one that can take the webhooks that arrive while it lingers, so it must
// not take itself out of the Service. With others it must.
func TestAnOperatorAloneStaysReadyWhileItLingers(t *testing.T) {
	for replicated, want := range map[bool]string{true: "the operator is stopping", false: "the routing table is not complete yet"} {
		p := &pipeline{replicated: replicated, holds: func() bool { return false }}
		p.stopping.Store(true)
		if err := p.readyz(nil); err == nil || err.Error() != want {
			t.Errorf("replicated %t: %v, want %q", replicated, err, want)
		}
	}
}

// Webhooks are accepted as long as the operator can store them: for the linger time, and while the attempts
// under way end. A process that waits for the store is told at once.
func TestReceivingEndsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const linger, slow = 5 * time.Second, 8 * time.Second // slow is an attempt under way
		began := time.Now().Add(time.Second)
		told := time.Duration(-1)
		var sent, received time.Duration
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, stop)
		err := runBoth(ctx, linger, func() { told = time.Since(began) }, func(ctx context.Context) error {
			<-ctx.Done()
			received = time.Since(began)
			return nil
		}, func(ctx context.Context) error {
			<-ctx.Done()
			sent = time.Since(began)
			time.Sleep(slow)
			return nil
		})
		if told != 0 {
			t.Errorf("the next process is told after %s", told)
		}
		if err != nil || sent != linger || received != linger+slow {
			t.Errorf("sending was stopped after %s and receiving after %s, %v; want %s and %s", sent, received, err, linger, linger+slow)
		}
	})
}

// If one of the two ends by itself, the operator stops at once.
func TestReceivingAndSendingEndTogether(t *testing.T) {
	broken := errors.New("broken")
	waits := func(ctx context.Context) error { <-ctx.Done(); return nil }
	breaks := func(context.Context) error { return broken }
	for name, run := range map[string]func() error{
		"receiving": func() error { return runBoth(t.Context(), time.Hour, func() {}, breaks, waits) },
		"sending":   func() error { return runBoth(t.Context(), time.Hour, func() {}, waits, breaks) },
	} {
		if err := run(); !errors.Is(err, broken) {
			t.Errorf("%s ended: %v", name, err)
		}
	}
}
