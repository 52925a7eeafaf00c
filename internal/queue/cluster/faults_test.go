package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/travishook/travishook/test/nats"
)

// TestFaults does to a cluster of its own what happens to clusters.
func TestFaults(t *testing.T) {
	t.Parallel() // most of it is waiting
	nats.Need(t)
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	c, err := startCluster(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	f := newReplicaSet(t, c, 3, leaseTTL)
	end := f.load()
	f.progress(100)
	lead := func() *nats.Node {
		var leader *nats.Node
		f.eventually("the stream has a leader", func() bool {
			leader, err = c.Leader(t.Context(), f.replicas[0].log.(*natsLog).names.stream)
			return err == nil
		})
		return leader
	}
	again := func(n *nats.Node) {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := c.AwaitReady(ctx); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	said := func(what string) {
		t.Logf("%6.1f s: %s; refused so far: %d", time.Since(begin).Seconds(), what, f.refused.Load())
	}

	said("the leader is killed")
	first := lead()
	first.Kill()
	f.join(c.URL) // a replica that starts just then waits for the next leader
	f.progress(100)
	again(first)
	f.progress(100)
	for _, n := range c.Nodes {
		if n == first {
			continue
		}
		said(n.Name + " is killed and started")
		n.Kill()
		again(n)
		f.progress(100)
	}
	said("the leader is cut off")
	n := lead()
	c.CutOff(n)
	f.progress(100)
	if err := c.Rejoin(n); err != nil {
		t.Fatal(err)
	}
	f.progress(100)
	said("all are killed and started")
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	f.progress(100)
	said("the end")
	refused := end()
	twice := f.verify()
	if t.Logf("%d were refused", refused); refused > 0 {
		f.repeat()
	}
	if twice > 0 {
		t.Errorf("%d were sent twice", twice)
	}
}
