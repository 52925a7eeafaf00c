package embedded

import (
	"context"
	"testing"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
)

func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	for _, wrong := range queuetest.Crash(t, openStore, 10) {
		t.Error(wrong)
	}
}

// TestCrashFindsAStoreThatAnswersTooEarly shows that the test above can fail.
func TestCrashFindsAStoreThatAnswersTooEarly(t *testing.T) {
	if wrong := queuetest.Crash(t, openHasty, 3); len(wrong) == 0 {
		t.Error("a store that answers before it stored was found to be sound")
	}
}

// hasty returns before the event is stored.
type hasty struct {
	queuetest.Store
	behind chan queue.Acceptance
	done   chan struct{}
}

func openHasty(t testing.TB, dir string, clk clock.Clock) queuetest.Store {
	h := &hasty{openStore(t, dir, clk), make(chan queue.Acceptance, 100), make(chan struct{})}
	go func() {
		defer close(h.done)
		for a := range h.behind {
			if _, err := h.Store.Accept(context.Background(), a); err != nil {
				panic(err)
			}
		}
	}()
	return h
}

func (h *hasty) Accept(_ context.Context, a queue.Acceptance) (queue.Receipt, error) {
	h.behind <- a
	return queue.Receipt{Stored: []string{a.Offers[0].Namespace}}, nil
}

func (h *hasty) Close(ctx context.Context) error {
	close(h.behind)
	<-h.done
	return h.Store.Close(ctx)
}
