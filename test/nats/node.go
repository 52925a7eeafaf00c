package nats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/gate"
)

// Node is one server.
type Node struct {
	Name string
	// URL for clients.
	URL string

	binary, folder  string
	clients, routes endpoint // where it listens
	client          *gate.Gate
	to              map[*Node]*gate.Gate // its routes
	process         *os.Process
	ended           chan struct{}
}

// configuration is what docs/operations/external-store.md asks for. The address that a node tells
// the others leads nowhere, so that there is no way around the gates. It takes free ports, and writes into
// a file which.
var configuration = template.Must(template.New("nats.conf").Parse(`
server_name: {{.Name}}
listen: 127.0.0.1:-1
ports_file_dir: {{printf "%q" .Ports}}
client_advertise: "127.0.0.1:1"
jetstream { store_dir: {{printf "%q" .Folder}}, sync_interval: always, max_file_store: 4G }
{{.Guard}}
cluster {
  name: test
  listen: 127.0.0.1:-1
  no_advertise: true
  advertise: "127.0.0.1:1"
  routes: [{{range .Routes}}"nats://{{.}}", {{end}}]
}
`))

// openGates opens a gate to the node for its clients, and one to each other node.
func (n *Node) openGates(all []*Node) (err error) {
	if n.client, err = gate.New(n.clients.get); err != nil {
		return err
	}
	for _, other := range all {
		if other == n {
			continue
		}
		if n.to[other], err = gate.New(other.routes.get); err != nil {
			return err
		}
	}
	return nil
}

// configure writes the node's configuration.
func (n *Node) configure(guard string) error {
	var routes []string
	for _, g := range n.to {
		routes = append(routes, g.Address)
	}
	var text bytes.Buffer
	err := configuration.Execute(&text, map[string]any{
		"Name": n.Name, "Ports": n.folder, "Folder": filepath.Join(n.folder, "store"), "Routes": routes, "Guard": guard,
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

func (n *Node) log() string { return filepath.Join(n.folder, "log") }

// Start starts the node, again on what it has stored, and returns when it listens.
func (n *Node) Start() error {
	log, err := os.OpenFile(n.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
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
	if err := n.awaitPorts(); err != nil {
		n.Kill()
		return fmt.Errorf("start nats-server %s: %w\n%s", n.Name, err, n.logTail())
	}
	return nil
}

// awaitPorts waits until the node has written on which ports it listens, and points the gates there.
func (n *Node) awaitPorts() error {
	file := filepath.Join(n.folder, fmt.Sprintf("%s_%d.ports", filepath.Base(n.binary), n.process.Pid))
	defer func() { _ = os.Remove(file) }()
	late := time.After(startTimeout)
	for {
		text, _ := os.ReadFile(file)
		var ports struct{ Nats, Cluster []string }
		if json.Unmarshal(text, &ports) == nil && len(ports.Nats) > 0 && len(ports.Cluster) > 0 {
			return errors.Join(n.clients.point(ports.Nats[0]), n.routes.point(ports.Cluster[0]))
		}
		select {
		case <-n.ended:
			return errors.New("it has ended")
		case <-late:
			return fmt.Errorf("it does not listen after %v", startTimeout)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// point sets the endpoint to that of a URL.
func (e *endpoint) point(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	e.set(u.Host)
	return nil
}

// logTail returns the end of the node's log.
func (n *Node) logTail() string {
	const most = 4000
	text, err := os.ReadFile(n.log())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
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
