package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/queue/replica"
)

// kindConnected is the request between replicas for the accounts of a namespace that are logged in.
const kindConnected = "accounts/connected"

// connectedTimeout bounds the wait for the other replicas.
const connectedTimeout = 2 * time.Second

// connectedOn returns a function that reports which accounts of a namespace are logged in, on any replica: an
// account is on one of them, which is seldom the one that writes status.
func connectedOn(replicas replica.Replicas) func(ctx context.Context, namespace string) map[string]bool {
	return func(ctx context.Context, namespace string) map[string]bool {
		ctx, cancel := context.WithTimeout(ctx, connectedTimeout)
		defer cancel()
		all := map[string]bool{}
		for _, reply := range replicas.AskAll(ctx, kindConnected, []byte(namespace)) {
			var there map[string]bool
			if reply.Err != nil || json.Unmarshal(reply.Data, &there) != nil {
				continue // until it answers, nothing is said of its accounts
			}
			for account, connected := range there {
				all[account] = all[account] || connected
			}
		}
		return all
	}
}

func answerConnected(pool *dispatch.Pool) replica.Handler {
	return func(_ context.Context, payload []byte) ([]byte, error) {
		return json.Marshal(pool.Connected(string(payload)))
	}
}
