package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/test/nats"
)

// shared is the cluster of all tests of this package that do not harm it.
var shared struct {
	sync.Once
	cluster *nats.Cluster
	folder  string
	err     error
}

// TestMain ends the clusters that tests share.
func TestMain(m *testing.M) {
	m.Run()
	for _, c := range []*nats.Cluster{shared.cluster, guarded.cluster} {
		if c != nil {
			c.Stop()
		}
	}
	_ = os.RemoveAll(shared.folder)
	_ = os.RemoveAll(guarded.folder)
}

func sharedCluster(t testing.TB) *nats.Cluster {
	t.Helper()
	nats.Need(t)
	shared.Do(func() {
		shared.folder, shared.err = os.MkdirTemp("", "nats-*") //nolint:usetesting // it outlives t
		if shared.err == nil {
			shared.cluster, shared.err = startCluster(shared.folder)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

func startCluster(folder string) (*nats.Cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may have to be compiled
	defer cancel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		return nil, err
	}
	binary, err := nats.Binary(ctx, root)
	if err != nil {
		return nil, err
	}
	return nats.Start(ctx, binary, folder, 3)
}

// storeName is of a store that no other test has.
func storeName(unique string) string {
	sum := sha256.Sum256([]byte(unique))
	return hex.EncodeToString(sum[:8])
}

// shortLease keeps tests short. It is shorter than a cluster may take to choose a leader.
const shortLease = 4 * time.Second

func externalOptions(c *nats.Cluster, name string) Options {
	return Options{Options: engine.Options{MaxBytes: 16 << 20}, External: External{URL: c.URL, Name: name}, LeaseTTL: shortLease}
}

func TestExternalContract(t *testing.T) {
	c := sharedCluster(t)
	queuetest.Run(t, func(t testing.TB, dir string, clk clock.Clock) queuetest.Store {
		t.Helper()
		opt := externalOptions(c, storeName(dir))
		opt.Clock = clk
		e, err := Open(context.Background(), opt)
		if err != nil {
			t.Fatalf("open: %v", err)
		}
		return e
	})
}
