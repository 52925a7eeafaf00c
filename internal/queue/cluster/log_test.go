package cluster

import (
	"context"
	"testing"

	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

func TestLogContract(t *testing.T) {
	c := sharedCluster(t)
	waltest.Run(t, func(t testing.TB, dir string) wal.Log {
		t.Helper()
		opt := Options{Options: engine.Options{MaxBytes: 32 << 20}, External: External{URL: c.URL, Name: storeName(dir)}}
		if err := opt.complete(); err != nil {
			t.Fatal(err)
		}
		l, err := openLog(context.Background(), &opt, &refusals{names: opt.names(), logger: opt.Logger})
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}
