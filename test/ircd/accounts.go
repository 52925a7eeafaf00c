package ircd

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

//go:embed atheme.conf
var athemeConfig string

const atheme = "atheme-services"

// startAccounts starts Atheme, and waits until the server offers logins.
func (s *Server) startAccounts(t testing.TB) {
	t.Helper()
	file := func(name string) string { return filepath.Join(s.dir, name) }
	cmd := exec.Command(atheme, "-n", "-c", file("atheme.conf"), "-D", s.dir, "-p", file("atheme.pid"), "-l", file("atheme.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	tick := time.NewTicker(interval)
	defer tick.Stop()
	late := time.After(patience)
	for !s.offersLogins() {
		select {
		case <-late:
			t.Fatalf("the server offers no logins\n%s", s.log())
		case <-tick.C:
		}
	}
}

// offersLogins asks the server as a client does that has just connected.
func (s *Server) offersLogins() bool {
	conn, err := net.Dial("tcp", s.Plain)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	if _, err := fmt.Fprint(conn, "CAP LS 302\r\n"); err != nil {
		return false
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if _, capabilities, ok := strings.Cut(lines.Text(), " LS :"); ok {
			return strings.Contains(capabilities, "sasl=")
		}
	}
	return false
}

// Register makes an account with a password. If a certificate is given, as PEM, whoever has it may log in, too.
func (s *Server) Register(t testing.TB, name, password string, certificate []byte) {
	t.Helper()
	c := s.Join(t, name)
	c.Send(t, "PRIVMSG NickServ :REGISTER "+password+" ci@example.com")
	c.Await(t, "900", name) // logged in
	if certificate == nil {
		return
	}
	block, _ := pem.Decode(certificate)
	sum := sha256.Sum256(block.Bytes)
	fingerprint := hex.EncodeToString(sum[:])
	c.Send(t, "PRIVMSG NickServ :CERT ADD "+fingerprint)
	c.Seen(t, func(seen []ircmsg.Message) bool {
		return slices.ContainsFunc(seen, func(m ircmsg.Message) bool {
			return m.Command == "NOTICE" && strings.Contains(m.Params[len(m.Params)-1], fingerprint)
		})
	})
}
