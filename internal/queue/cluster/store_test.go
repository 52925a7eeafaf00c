package cluster

import (
	"context"
	"testing"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

func closeNow(t *testing.T, r *Replica) {
	t.Helper()
	if err := r.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func acceptance(build int64, addresses ...string) queue.Acceptance {
	offer := queue.Offer{Namespace: "team-a"}
	for _, address := range addresses {
		offer.Targets = append(offer.Targets, queuetest.Target("builds", address))
	}
	return queue.Acceptance{Event: queuetest.Event(build, travis.Passed), Offers: []queue.Offer{offer}}
}
