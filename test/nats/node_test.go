package nats

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// TestANodeKeepsItsAddress restarts a node: it listens on another port, and clients find it at the old one.
func TestANodeKeepsItsAddress(t *testing.T) {
	c, err := Start(t.Context(), binary(t), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	n := c.Nodes[0]
	proxies, err := c.NewProxies()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxies.Shut)
	n.Kill()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{n.URL, strings.Split(proxies.URL, ",")[0]} {
		conn, err := nats.Connect(address)
		if err != nil {
			t.Fatalf("connect after the restart: %v", err)
		}
		if name := conn.ConnectedServerName(); name != n.Name {
			t.Errorf("connected to %s, want %s", name, n.Name)
		}
		conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	if err := c.AwaitReady(ctx); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

// TestANodeThatEndsAtItsStartIsReported says why, with what the node has logged.
func TestANodeThatEndsAtItsStartIsReported(t *testing.T) {
	folder := t.TempDir()
	blocked := filepath.Join(folder, "n2", "store")
	if err := os.MkdirAll(filepath.Dir(blocked), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blocked, nil, 0o600); err != nil { // a file where its folder should be
		t.Fatal(err)
	}
	c, err := Start(t.Context(), binary(t), folder, 3)
	if err == nil {
		c.Stop()
		t.Fatal("the cluster has started without one of its nodes")
	}
	for _, part := range []string{"start nats-server n2: it has ended", "JetStream"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not contain %q: %v", part, err)
		}
	}
}

func binary(t *testing.T) string {
	t.Helper()
	Need(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	path, err := Binary(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
