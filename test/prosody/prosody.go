// Package prosody runs a real Prosody for tests: an XMPP server with a room service, TLS by a
// certificate of its own authority, SCRAM, and accounts. It needs neither root nor a network,
// listens on a loopback port, and ends with the test.
package prosody

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/certificate"
	"github.com/travishook/travishook/test/port"
)

const (
	// Domain is the domain of the accounts.
	Domain = "xmpp.test"
	// Rooms is the domain of the room service.
	Rooms = "rooms.xmpp.test"
	// RestrictedRooms is a room service where no account may create a room.
	RestrictedRooms = "restricted.xmpp.test"

	startTimeout = 90 * time.Second
	stopTimeout  = 90 * time.Second
)

// Rooms in which the server misbehaves when it receives a message (see faults.lua).
const (
	// LostRoom accepts the message and closes the sender's connection without an answer.
	LostRoom = "lost@" + Rooms
	// BusyRoom answers with the error resource-constraint.
	BusyRoom = "busy@" + Rooms
	// SilentRoom accepts the message and never answers.
	SilentRoom = "silent@" + Rooms
)

//go:embed faults.lua
var faults []byte

//go:embed sessions.lua
var sessions []byte

//go:embed prosody.cfg.lua
var config string

// Account is an account on the server.
type Account struct{ Name, Password string }

// JID returns the account's address.
func (a Account) JID() string { return a.Name + "@" + Domain }

// Options configure the server. Most tests use the zero value.
type Options struct {
	// Accounts that may log in, besides those of Join.
	Accounts []Account
	// PlainOnly disables SCRAM, so that a client would have to reveal its password.
	PlainOnly bool
	// NoTLS disables encryption.
	NoTLS bool
	// Host is the address to listen on, if not the loopback interface.
	Host string
}

// Server is a Prosody.
type Server struct {
	// Address is host:port.
	Address string
	// CA is the authority of its certificate, as PEM.
	CA []byte

	dir    string
	binary string
	cmd    *exec.Cmd
	exited chan struct{}
}

// Start starts a Prosody that accepts clients. If it is not installed, the test is skipped, or fails if
// CI=true.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	binary, err := exec.LookPath("prosody")
	if err != nil {
		const hint = "prosody is not installed; apt-get install prosody"
		if os.Getenv("CI") == "true" {
			t.Fatal(hint)
		}
		t.Skip("SKIPPED: " + hint)
	}
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	if o.Host != "" {
		_, number, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(o.Host, number)
	}
	s := &Server{Address: address, dir: t.TempDir(), binary: binary}
	issued := certificate.Issue(t, Domain)
	s.CA = issued.CA
	writeFile(t, filepath.Join(s.dir, "server.crt"), issued.Cert)
	writeFile(t, filepath.Join(s.dir, "server.key"), issued.Key)
	s.writeConfig(t, o)
	for _, a := range append(o.Accounts, owner) {
		s.writeAccount(t, a)
	}
	t.Cleanup(func() { s.Stop(t) })
	s.Restart(t)
	return s
}

// Restart starts a stopped server again, with the same port, accounts and persistent rooms.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command(s.binary, "-F", "--config", filepath.Join(s.dir, "prosody.cfg.lua"))
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start prosody: %v", err)
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(exited) }(s.cmd)
	if err := s.awaitReady(); err != nil {
		t.Fatalf("start prosody: %v\n%s", err, s.Log())
	}
}

// Stop kills the server, without closing streams.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		t.Error("prosody does not end")
	}
	s.cmd = nil
}

// Log returns the server's log.
func (s *Server) Log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}

// Sessions returns the account's number of sessions after each of its logins and logouts, in order.
func (s *Server) Sessions(a Account) (counts []int) {
	for line := range strings.Lines(s.Log()) {
		_, count, told := strings.Cut(strings.TrimSpace(line), "sessions of "+a.Name+": ")
		if n, err := strconv.Atoi(count); told && err == nil {
			counts = append(counts, n)
		}
	}
	return counts
}

// awaitReady waits until the server accepts a connection.
func (s *Server) awaitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", s.Address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

func (s *Server) writeConfig(t testing.TB, o Options) {
	t.Helper()
	host, number, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = template.Must(template.New("").Parse(config)).Execute(&b, map[string]any{
		"Dir": s.dir, "Host": host, "Port": number, "Domain": Domain, "Rooms": Rooms, "Restricted": RestrictedRooms,
		"PlainOnly": o.PlainOnly, "NoTLS": o.NoTLS,
	})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.dir, "prosody.cfg.lua"), b.Bytes())
	writeFile(t, filepath.Join(s.dir, "modules", "mod_travishook_faults.lua"), faults)
	writeFile(t, filepath.Join(s.dir, "modules", "mod_travishook_sessions.lua"), sessions)
}

// writeAccount writes an account in the format of Prosody's file store.
func (s *Server) writeAccount(t testing.TB, a Account) {
	t.Helper()
	host := strings.ReplaceAll(Domain, ".", "%2e")
	writeFile(t, filepath.Join(s.dir, "data", host, "accounts", a.Name+".dat"),
		fmt.Appendf(nil, "return { [\"password\"] = %q; };\n", a.Password))
}

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
