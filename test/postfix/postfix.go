// Package postfix runs a real Postfix for tests: a mail server that delivers to its own mailboxes, offers
// STARTTLS with a certificate of its own authority, and refuses strangers. It needs root, listens on a loopback
// port, and ends with the test.
package postfix

import (
	_ "embed"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"text/template"
	"time"

	"github.com/travishook/travishook/test/certificate"
	"github.com/travishook/travishook/test/port"
)

const (
	// Domain is the domain of the mailboxes.
	Domain = "postfix.test"
	// Team is a recipient.
	Team = "team@" + Domain
	// Grey is a recipient that is refused for now.
	Grey = "grey@" + Domain

	patience = 90 * time.Second
	interval = 50 * time.Millisecond
)

//go:embed main.cf
var mainConfig string

//go:embed master.cf
var masterConfig string

// Server is a Postfix.
type Server struct {
	// Address is host:port on the loopback interface.
	Address string
	// CA is the authority of its certificate, as PEM.
	CA []byte

	dir string
}

// Start starts a Postfix that accepts connections. If it is not installed, or without root, the test is
// skipped, or fails if CI=true.
func Start(t *testing.T) *Server {
	t.Helper()
	binary, err := exec.LookPath("postfix")
	owner, ownerErr := user.Lookup("postfix")
	if err != nil || ownerErr != nil || os.Getuid() != 0 {
		const hint = "postfix is not installed, or this is not root; apt-get install postfix"
		if os.Getenv("CI") == "true" {
			t.Fatal(hint)
		}
		t.Skip("SKIPPED: " + hint)
	}
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	issued := certificate.Issue(t, "127.0.0.1")
	s := &Server{Address: address, CA: issued.CA, dir: folder(t)}
	s.write(t, "server.crt", issued.Cert)
	s.write(t, "server.key", issued.Key)
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	for _, name := range []string{"queue", "data", "mail"} {
		if err := os.Mkdir(filepath.Join(s.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"data", "mail"} {
		if err := os.Chown(filepath.Join(s.dir, name), uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]any{"Dir": s.dir, "Domain": Domain, "Address": address, "UID": uid, "GID": gid}
	s.execute(t, "main.cf", mainConfig, values)
	s.execute(t, "master.cf", masterConfig, values)
	t.Cleanup(func() { _ = exec.Command(binary, "-c", s.dir, "stop").Run() })
	if out, err := exec.Command(binary, "-c", s.dir, "start").CombinedOutput(); err != nil {
		t.Fatalf("start postfix: %v\n%s\n%s", err, out, s.log())
	}
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}) {
		t.Fatalf("postfix accepts no connection\n%s", s.log())
	}
	return s
}

// folder is a temporary folder that the user postfix may enter.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Mails returns the mails in the mailbox of Team once there are n, in no order.
func (s *Server) Mails(t *testing.T, n int) [][]byte {
	t.Helper()
	var names []string
	if !eventually(func() bool {
		names, _ = filepath.Glob(filepath.Join(s.dir, "mail", "team", "new", "*"))
		return len(names) >= n
	}) {
		t.Fatalf("%d mails were delivered, want %d\n%s", len(names), n, s.log())
	}
	var mails [][]byte
	for _, name := range names {
		mail, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, mail)
	}
	return mails
}

// Conversation returns what Postfix logs at the end of a conversation that had mails, such as "ehlo=2 starttls=1
// mail=5"; there must be one.
func (s *Server) Conversation(t *testing.T) string {
	t.Helper()
	var lines [][]string
	if !eventually(func() bool {
		lines = conversation.FindAllStringSubmatch(s.log(), -1)
		return len(lines) > 0
	}) || len(lines) > 1 {
		t.Fatalf("not one conversation: %v\n%s", lines, s.log())
	}
	return lines[0][1]
}

var conversation = regexp.MustCompile(`(?m) disconnect from \S+ (.* mail=.*)$`)

func eventually(done func() bool) bool {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if done() {
			return true
		}
	}
	return done()
}

func (s *Server) execute(t *testing.T, name, text string, values map[string]any) {
	t.Helper()
	file, err := os.Create(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := template.Must(template.New(name).Parse(text)).Execute(file, values); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) log() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(b)
}
