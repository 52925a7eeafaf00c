package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/test/nats"
)

// shared is what a run with a store in a NATS cluster is like.
type shared struct {
	root     string // of the module, from which nats-server is compiled
	replicas int    // victims at a time
	lease    time.Duration
	// calm is how long the cluster is whole on average, before one of its servers is killed; zero
	// for ever.
	calm time.Duration
}

const (
	clusterSize = 3
	// The names that the store has by default.
	journalStream = "TRAVISHOOK_JOURNAL"
	leasesBucket  = "TRAVISHOOK_LEASES"
	// longestAbsence of servers that were killed: leases may run out meanwhile.
	longestAbsence = 20 * time.Second
	// wholeTimeout bounds how long the cluster takes to be whole again.
	wholeTimeout = 2 * time.Minute
)

// servers are the store's.
type servers struct {
	soak *soak
	nats *nats.Cluster
}

func newServers(ctx context.Context, s *soak) (*servers, error) {
	s.say("starting %d NATS servers", clusterSize)
	binary, err := nats.Binary(ctx, s.shared.root)
	if err != nil {
		return nil, err
	}
	cluster, err := nats.Start(ctx, binary, filepath.Join(s.dir, "nats"), clusterSize)
	if err != nil {
		return nil, err
	}
	c := &servers{soak: s, nats: cluster}
	if err := c.makeBucket(ctx); err != nil {
		cluster.Stop()
		return nil, err
	}
	return c, nil
}

// makeBucket makes the leases' bucket, whose time to live the replicas then keep to.
func (c *servers) makeBucket(ctx context.Context) error {
	return c.ask(func(js jetstream.JetStream) error {
		_, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: leasesBucket, TTL: c.soak.shared.lease, Storage: jetstream.FileStorage, Replicas: clusterSize,
		})
		return err
	})
}

func (c *servers) ask(question func(jetstream.JetStream) error) error {
	conn, err := natsio.Connect(c.nats.URL)
	if err != nil {
		return fmt.Errorf("ask the NATS cluster: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err == nil {
		err = question(js)
	}
	if err != nil {
		return fmt.Errorf("ask the NATS cluster: %w", err)
	}
	return nil
}

// disturb kills random servers at intervals, and starts them again: mostly one, which should have no lasting
// effect; sometimes two, so that nothing can be stored and leases expire; sometimes all. The next are not
// killed before each server has all data.
func (c *servers) disturb(ctx, posting context.Context) error {
	if c.soak.shared.calm == 0 {
		return nil
	}
	for pause(posting, rand.N(2*c.soak.shared.calm)) {
		chosen := choose(c.nats.Nodes)
		for _, node := range chosen {
			node.Kill()
			c.soak.servers++
		}
		if len(chosen) > 1 {
			c.soak.outages++
		}
		pause(posting, rand.N(longestAbsence))
		for _, node := range chosen {
			if err := node.Start(); err != nil {
				return err
			}
		}
		if err := c.awaitWhole(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pause waits; it returns false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// awaitWhole waits until every server has all of the store.
func (c *servers) awaitWhole(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wholeTimeout)
	defer cancel()
	for {
		err := c.ask(func(js jetstream.JetStream) error {
			for _, name := range []string{journalStream, "KV_" + leasesBucket} {
				if err := current(ctx, js, name); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			return nil
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("the NATS cluster is not whole again: %w", err)
		}
	}
}

func current(ctx context.Context, js jetstream.JetStream, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return err
	}
	is := stream.CachedInfo().Cluster
	if is == nil || is.Leader == "" || len(is.Replicas) != clusterSize-1 {
		return fmt.Errorf("the stream %s has no leader", name)
	}
	for _, r := range is.Replicas {
		if !r.Current || r.Offline {
			return fmt.Errorf("the server %s does not have all of the stream %s", r.Name, name)
		}
	}
	return nil
}
