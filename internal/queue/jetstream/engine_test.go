package jetstream_test

import (
	"context"
	"testing"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue/jetstream"
	"github.com/travishook/travishook/internal/queue/queuetest"
)

func openStore(t testing.TB, dir string, clk clock.Clock) queuetest.Store {
	t.Helper()
	e, err := jetstream.Open(context.Background(), jetstream.Options{Dir: dir, Clock: clk})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return e
}

func TestContract(t *testing.T) {
	queuetest.Run(t, openStore)
}
