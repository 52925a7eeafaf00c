// Package nats runs a real cluster of nats-server processes on the loopback interface, for suites
// that lose one, cut one off, and have it back.
package nats

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startTimeout bounds the start of a cluster, until it has a leader for its metadata.
const startTimeout = 30 * time.Second

// Cluster is a few servers. They reach each other, and clients reach them, through gates that can
// be shut.
type Cluster struct {
	Nodes []*Node
	// URL names all nodes.
	URL string

	guard *Guard // nil where everybody is let in
}

// Node is one server.
type Node struct {
	Name string
	// URL for clients.
	URL string

	binary, folder string
	listen, routes string // addresses of its own
	client         *gate
	to             map[*Node]*gate // its routes
	process        *os.Process
	ended          chan struct{}
}

// configuration is what docs/operations/external-store.md asks for. The address that a node tells
// the others leads nowhere, so that there is no way around the gates.
var configuration = template.Must(template.New("nats.conf").Parse(`
server_name: {{.Name}}
listen: {{.Listen}}
client_advertise: "127.0.0.1:1"
jetstream { store_dir: {{printf "%q" .Folder}}, sync_interval: always, max_file_store: 4G }
{{.Guard}}
cluster {
  name: test
  listen: {{.RouteListen}}
  no_advertise: true
  advertise: "127.0.0.1:1"
  routes: [{{range .Routes}}"nats://{{.}}", {{end}}]
}
`))

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

// Start runs a cluster of so many nodes, with their files in folder. It lets everybody in.
func Start(ctx context.Context, binary, folder string, nodes int) (*Cluster, error) {
	return newCluster(binary, folder, nodes).run(ctx)
}

// StartGuarded runs a cluster that asks for a certificate and for a user.
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
			Name: name, binary: binary, folder: filepath.Join(folder, name), to: map[*Node]*gate{},
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
	var urls []string
	for _, n := range c.Nodes {
		if err := n.takePorts(c.scheme()); err != nil {
			return err
		}
		urls = append(urls, n.URL)
	}
	c.URL = strings.Join(urls, ",")
	guard, err := c.guard.configuration()
	if err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if err := n.configure(c.Nodes, guard); err != nil {
			return err
		}
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

func (n *Node) takePorts(scheme string) (err error) {
	for _, address := range []*string{&n.listen, &n.routes} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("take a port: %w", err)
		}
		*address = l.Addr().String()
		if err := l.Close(); err != nil {
			return fmt.Errorf("take a port: %w", err)
		}
	}
	if n.client, err = newGate(n.listen); err != nil {
		return err
	}
	n.URL = scheme + n.client.address
	return nil
}

// configure writes the node's file, and opens a gate to each other node.
func (n *Node) configure(all []*Node, guard string) (err error) {
	var routes []string
	for _, other := range all {
		if other == n {
			continue
		}
		if n.to[other], err = newGate(other.routes); err != nil {
			return err
		}
		routes = append(routes, n.to[other].address)
	}
	var text bytes.Buffer
	err = configuration.Execute(&text, map[string]any{
		"Name": n.Name, "Listen": n.listen, "RouteListen": n.routes,
		"Folder": filepath.Join(n.folder, "store"), "Routes": routes, "Guard": guard,
	})
	if err == nil {
		err = os.MkdirAll(n.folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(n.file(), text.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("configure nats-server: %w", err)
	}
	return nil
}

func (n *Node) file() string { return filepath.Join(n.folder, "nats.conf") }

// Start starts the node, again on what it has stored.
func (n *Node) Start() error {
	log, err := os.OpenFile(filepath.Join(n.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start nats-server: %w", err)
	}
	process := exec.Command(n.binary, "-c", n.file())
	process.Stdout, process.Stderr = log, log
	ended := make(chan struct{})
	if err := launch(process, func() { _ = log.Close(); close(ended) }); err != nil {
		return fmt.Errorf("start nats-server: %w", err)
	}
	n.process, n.ended = process.Process, ended
	return nil
}

// Kill ends the node as a crash does.
func (n *Node) Kill() {
	if n.process == nil {
		return
	}
	_ = n.process.Kill()
	<-n.ended
	n.process = nil
}

// Reload has all nodes read their certificates anew. It returns when they show another than before.
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

// CutOff ends all connections of the node, and lets none be made until Rejoin. It runs on, and
// does not know yet that it is alone.
func (c *Cluster) CutOff(n *Node) {
	for _, g := range c.gates(n) {
		g.shut()
	}
}

// Rejoin undoes CutOff.
func (c *Cluster) Rejoin(n *Node) error {
	for _, g := range c.gates(n) {
		if err := g.open(); err != nil {
			return err
		}
	}
	return nil
}

// gates are all that lead to the node or from it.
func (c *Cluster) gates(n *Node) []*gate {
	all := []*gate{n.client}
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
			n.client.shut()
		}
		for _, g := range n.to {
			g.shut()
		}
	}
}

// Leader is the node that leads a stream.
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

// AwaitReady waits until the cluster makes a stream on all of its nodes, and each node has all of
// the streams that exist: only then may another be lost.
func (c *Cluster) AwaitReady(ctx context.Context) error {
	for {
		err := c.tryStream(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster is not ready: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
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
		for _, peer := range s.Cluster.Replicas {
			if !peer.Current || peer.Offline {
				return fmt.Errorf("%s has not all of the stream %s", peer.Name, s.Config.Name)
			}
		}
	}
	return streams.Err()
}
