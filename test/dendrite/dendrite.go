// Package dendrite runs a real Matrix homeserver for tests: Dendrite, which hack/tool.sh compiles the first time.
// It listens on a loopback port, implements version 1.2 of the specification, connects to no other server, and ends with
// the test.
package dendrite

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/port"
)

const (
	// Limit is how many requests of a kind that is limited a user may make while the server runs.
	Limit = 10
	// Cooloff is the delay that the server asks for afterwards.
	Cooloff = 30 * time.Minute
	// Password is that of each user.
	Password = "battery-horse"

	patience = 2 * time.Minute
	interval = 20 * time.Millisecond
	secret   = "correct-horse-battery"
)

//go:embed dendrite.yaml
var config string

// Server is a homeserver for users and rooms of example.com.
type Server struct {
	// URL is its base URL.
	URL string

	users int
}

// Start starts a server. root is the repository.
func Start(t *testing.T, root string) *Server {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var filled bytes.Buffer
	values := map[string]any{"Secret": secret, "Limit": Limit, "Cooloff": Cooloff.Milliseconds()}
	if err := template.Must(template.New("").Parse(config)).Execute(&filled, values); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"dendrite.yaml": filled.Bytes(), "matrix_key.pem": signingKey()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output := run(t, dir, binary(t, root), "-config", "dendrite.yaml", "-http-bind-address", address, "-https-bind-address", "")
	s := &Server{URL: "http://" + address}
	for late := time.After(patience); ; {
		resp, err := http.Get(s.URL + "/_matrix/client/versions")
		if err == nil {
			_ = resp.Body.Close()
			return s
		}
		select {
		case <-late:
			said, _ := os.ReadFile(output)
			t.Fatalf("dendrite does not start: %v\n%s", err, said)
		case <-time.After(interval):
		}
	}
}

// run runs a program in a folder until the test ends, and returns the file with its output.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	output := filepath.Join(dir, "output")
	file, err := os.Create(output)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return output
}

func binary(t *testing.T, root string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "tool.sh"), "dendrite")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("get dendrite: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// signingKey returns a new key, with which the server signs events.
func signingKey() []byte {
	seed := make([]byte, 32)
	_, _ = rand.Read(seed)
	return pem.EncodeToMemory(&pem.Block{Type: "MATRIX PRIVATE KEY", Headers: map[string]string{"Key-ID": "ed25519:test"}, Bytes: seed})
}
