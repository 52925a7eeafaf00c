// Package nats runs a real cluster of nats-server processes on the loopback interface, for suites that kill
// servers, disconnect them, and start them again.
package nats

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/test/gate"
)

// startTimeout limits the start of a cluster, until it has a metadata leader.
const startTimeout = 2 * time.Minute

// Cluster is a few servers. Connections between them, and from clients, pass through gates that can be shut.
type Cluster struct {
	Nodes []*Node
	// URL names all nodes.
	URL string

	guard *Guard // nil without authentication
}

// Binary compiles nats-server, the first time, and returns its path.
func Binary(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "tool.sh"), "nats-server")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("get nats-server: %w\n%s", err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// Start runs a cluster of nodes, with their files in folder, without authentication.
func Start(ctx context.Context, binary, folder string, nodes int) (*Cluster, error) {
	return newCluster(binary, folder, nodes).run(ctx)
}

// StartGuarded runs a cluster that requires a certificate and a user.
func StartGuarded(ctx context.Context, binary, folder string, nodes int) (*Cluster, *Guard, error) {
	g, err := NewGuard(folder)
	if err != nil {
		return nil, nil, err
	}
	c := newCluster(binary, folder, nodes)
	c.guard = g
	c, err = c.run(ctx)
	return c, g, err
}

func newCluster(binary, folder string, nodes int) *Cluster {
	c := &Cluster{}
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		c.Nodes = append(c.Nodes, &Node{
			Name: name, binary: binary, folder: filepath.Join(folder, name), to: map[*Node]*gate.Gate{},
		})
	}
	return c
}

func (c *Cluster) run(ctx context.Context) (*Cluster, error) {
	err := c.start()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, startTimeout)
		defer cancel()
		err = c.AwaitReady(ctx)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start() error {
	guard, err := c.guard.configuration()
	if err != nil {
		return err
	}
	var urls []string
	for _, n := range c.Nodes {
		if err := n.openGates(c.Nodes); err != nil {
			return err
		}
		n.URL = c.scheme() + n.client.Address
		urls = append(urls, n.URL)
		if err := n.configure(guard); err != nil {
			return err
		}
	}
	c.URL = strings.Join(urls, ",")
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) scheme() string {
	if c.guard == nil {
		return "nats://"
	}
	return "tls://"
}

// Reload makes all nodes reload their certificates. It returns when they use the new ones.
func (c *Cluster) Reload(ctx context.Context) error {
	for _, n := range c.Nodes {
		if err := n.process.Signal(syscall.SIGHUP); err != nil {
			return fmt.Errorf("reload nats-server: %w", err)
		}
	}
	for _, n := range c.Nodes {
		for {
			conn, err := nats.Connect(n.URL, c.guard.keys()...) // which trusts the new ones only
			if err == nil {
				conn.Close()
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("reload nats-server: %w", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// CutOff ends all connections of the node, and prevents new ones until Rejoin. The node keeps running.
func (c *Cluster) CutOff(n *Node) {
	for _, g := range c.gates(n) {
		g.Shut()
	}
}

// Rejoin undoes CutOff.
func (c *Cluster) Rejoin(n *Node) error {
	for _, g := range c.gates(n) {
		if err := g.Open(); err != nil {
			return err
		}
	}
	return nil
}

// gates returns all gates to and from the node.
func (c *Cluster) gates(n *Node) []*gate.Gate {
	all := []*gate.Gate{n.client}
	for _, other := range c.Nodes {
		if other != n {
			all = append(all, n.to[other], other.to[n])
		}
	}
	return all
}

// Stop kills all nodes and shuts the gates.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Kill()
		if n.client != nil {
			n.client.Shut()
		}
		for _, g := range n.to {
			g.Shut()
		}
	}
}

// Leader returns the node that leads a stream.
func (c *Cluster) Leader(ctx context.Context, stream string) (*Node, error) {
	conn, err := nats.Connect(c.URL, c.guard.keys()...)
	if err != nil {
		return nil, fmt.Errorf("ask for the leader: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("ask for the leader: %w", err)
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("ask for the leader: %w", err)
	}
	for _, n := range c.Nodes {
		if is := s.CachedInfo().Cluster; is != nil && n.Name == is.Leader {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the stream %s has no leader", stream)
}

// AwaitReady waits until the cluster can create a stream on all of its nodes, and each node has all data of
// the existing streams: only then may another node fail.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	for {
		err := c.tryStream(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not ready: %w\n%s", err, c.logs())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// logs returns the end of each node's log.
func (c *Cluster) logs() string {
	var all strings.Builder
	for _, n := range c.Nodes {
		fmt.Fprintf(&all, "%s: %s\n", n.Name, n.logTail())
	}
	return all.String()
}

func (c *Cluster) tryStream(ctx context.Context) error {
	conn, err := nats.Connect(c.URL, c.guard.keys()...)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := allCurrent(ctx, js); err != nil {
		return err
	}
	const name = "READY"
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: name, Subjects: []string{name}, Storage: jetstream.MemoryStorage, Replicas: len(c.Nodes),
	})
	if err != nil {
		return err
	}
	return js.DeleteStream(ctx, name)
}

func allCurrent(ctx context.Context, js jetstream.JetStream) error {
	streams := js.ListStreams(ctx)
	for s := range streams.Info() {
		if s.Cluster == nil || s.Cluster.Leader == "" {
			return fmt.Errorf("the stream %s has no leader", s.Config.Name)
		}
		for _, replica := range s.Cluster.Replicas {
			if !replica.Current || replica.Offline {
				return fmt.Errorf("%s lacks data of the stream %s", replica.Name, s.Config.Name)
			}
		}
	}
	return streams.Err()
}
