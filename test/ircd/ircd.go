// Package ircd runs real IRC servers for tests: InspIRCd, which has labeled responses, and ngIRCd, which has
// none. They listen on loopback ports, with TLS certificates of their own authority, and end with the test.
package ircd

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/certificate"
	"github.com/travishook/travishook/test/port"
)

const (
	patience = 90 * time.Second
	interval = 20 * time.Millisecond
)

//go:embed ngircd.conf
var ngircdConfig string

//go:embed inspircd.conf
var inspircdConfig string

// Kind is an IRC server.
type Kind struct {
	name   string
	config string
	args   []string // before the configuration's path
}

// The kinds.
var (
	Ngircd   = Kind{"ngircd", ngircdConfig, []string{"-n", "-f"}}
	Inspircd = Kind{"inspircd", inspircdConfig, []string{"--nofork", "--runasroot", "--config"}}
)

// Options configure a server. Most tests use the zero value.
type Options struct {
	// Password is asked of every client.
	Password string
	// STS has InspIRCd demand encryption of the clients that know how.
	STS bool
	// Accounts has InspIRCd check logins by SASL, with the accounts of Atheme.
	Accounts bool
}

// Server is an IRC server.
type Server struct {
	// Plain and TLS are host:port.
	Plain, TLS string
	// CA is the authority of its certificate, as PEM.
	CA []byte

	kind     Kind
	password string
	dir      string
	cmd      *exec.Cmd
	exited   chan struct{}
}

// Start starts a server that accepts clients. If it is not installed, the test is skipped, or fails if CI=true.
func (k Kind) Start(t testing.TB, o Options) *Server {
	t.Helper()
	require(t, k.name, k.name)
	if o.Accounts {
		require(t, atheme, "atheme-services")
	}
	issued := certificate.Issue(t, "127.0.0.1")
	s := &Server{Plain: free(t), TLS: free(t), CA: issued.CA, kind: k, password: o.Password, dir: t.TempDir()}
	// Both servers drop root's rights before they read the files.
	if err := os.Chmod(filepath.Dir(s.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	_, plain, _ := net.SplitHostPort(s.Plain)
	_, tls, _ := net.SplitHostPort(s.TLS)
	for name, content := range map[string][]byte{"server.crt": issued.Cert, "server.key": issued.Key, "motd": []byte("Welcome\n")} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]any{"Dir": s.dir, "Plain": plain, "TLS": tls, "Password": o.Password, "STS": o.STS}
	if o.Accounts {
		_, values["Services"], _ = net.SplitHostPort(free(t))
	}
	s.configure(t, "conf", k.config, values)
	t.Cleanup(func() { s.Stop(t) })
	s.Restart(t)
	if o.Accounts {
		s.configure(t, "atheme.conf", athemeConfig, values)
		s.startAccounts(t)
	}
	return s
}

// require skips the test if a program is not installed, or fails it if CI=true.
func require(t testing.TB, program, debian string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	hint := fmt.Sprintf("%s is not installed; apt-get install %s", program, debian)
	if os.Getenv("CI") == "true" {
		t.Fatal(hint)
	}
	t.Skip("SKIPPED: " + hint)
}

func (s *Server) configure(t testing.TB, name, config string, values map[string]any) {
	t.Helper()
	file, err := os.Create(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := template.Must(template.New("").Parse(config)).Execute(file, values); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a stopped server again, with the same ports and no channels.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	log, err := os.OpenFile(filepath.Join(s.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.kind.name, append(s.kind.args, filepath.Join(s.dir, "conf"))...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.kind.name, err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(exited) }(s.cmd)
	if err := s.awaitReady(); err != nil {
		t.Fatalf("start %s: %v\n%s", s.kind.name, err, s.log())
	}
}

// Stop kills the server.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Errorf("%s does not end", s.kind.name)
	}
	s.cmd = nil
}

func (s *Server) log() string {
	output, _ := os.ReadFile(filepath.Join(s.dir, "output"))
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(output) + string(log)
}

// awaitReady waits until both ports accept a connection.
func (s *Server) awaitReady() error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	late := time.After(patience)
	for {
		var err error
		for _, address := range []string{s.Plain, s.TLS} {
			conn, dialErr := net.Dial("tcp", address)
			if dialErr != nil {
				err = dialErr
				continue
			}
			_ = conn.Close()
		}
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended")
		case <-late:
			return err
		case <-tick.C:
		}
	}
}

func free(t testing.TB) string {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
