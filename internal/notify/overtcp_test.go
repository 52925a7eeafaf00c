package notify_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// lines is a service over TCP: it delivers by reading a line of a server, which speaks first.
func lines(server string) notify.Service {
	return notify.OverTCP(notify.Service{
		Check: func(json.RawMessage, notify.Credential) error { return nil },
		New: func(_ json.RawMessage, _ notify.Credential, deps notify.Deps) (notify.Notifier, error) {
			return &line{deps.Dial, server}, nil
		},
	})
}

type line struct {
	dial   notify.Dialer
	server string
}

func (l *line) Notify(ctx context.Context, _ notify.Message) (notify.Receipt, error) {
	conn, err := l.dial(ctx, "tcp", l.server)
	if err != nil {
		return notify.Receipt{}, notify.RedactHost(err)
	}
	defer func() { _ = conn.Close() }()
	got, err := io.ReadAll(io.LimitReader(conn, 6))
	return notify.Receipt{Handle: string(got)}, err
}

func (*line) Close() error { return nil }

// through has the service send through a proxy.
func through(t *testing.T, rules *notify.Rules, proxy, server string) (notify.Receipt, error) {
	t.Helper()
	client := notify.NewClient(notify.Options{Rules: rules})
	n, err := lines(server).New(nil, notify.Credential{"proxy": secret.New(proxy)},
		notify.Deps{HTTP: client, Dial: notify.NewDialer(rules)})
	if err != nil {
		t.Fatal(err)
	}
	return n.Notify(t.Context(), notify.Message{})
}

func greets(t *testing.T) string {
	return notifytest.Listener(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "hello\n") })
}

func TestAProxyOverTCP(t *testing.T) {
	server := greets(t)
	p := notifytest.StartProxy(t, "ann:correct-horse")
	socks := notifytest.Listener(t, socksServer)
	for name, url := range map[string]string{"CONNECT": p.URL, "SOCKS5": "socks5://ann:correct-horse@" + socks} {
		if got, err := through(t, nil, url, server); err != nil || got.Handle != "hello\n" {
			t.Errorf("%s: %q, %v", name, got.Handle, err)
		}
	}
	if p.Used() != 1 {
		t.Errorf("the proxy was used %d times", p.Used())
	}
}

// A proxy that does not connect is an error that says what to do, and shows neither the password nor a host.
func TestProxiesThatRefuse(t *testing.T) {
	refuses := notifytest.Listener(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\n\r\n") })
	babbles := notifytest.Listener(t, func(conn net.Conn) { _, _ = io.WriteString(conn, strings.Repeat("x", 1<<20)) })
	p := notifytest.StartProxy(t, "ann:correct-horse")
	wrong := strings.Replace(p.URL, "correct", "incorrect", 1)
	for says, url := range map[string]string{
		"it answered 403":                    "http://" + refuses,
		"not HTTP":                           "http://" + babbles,
		"correct them under the key proxy":   wrong,
		"the proxy: dial: connect":           "http://" + notifytest.ClosedPort(t),
		"the proxy: socks connect":           "socks5://bob:incorrect-horse@" + notifytest.Listener(t, socksServer),
		"the proxy: tls: first record does ": "https://" + refuses,
	} {
		_, err := through(t, nil, url, "mail.example.com:587")
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
			continue
		}
		if text := err.Error(); strings.Contains(text, "horse") || strings.Contains(text, "127.0.0.1") || strings.Contains(text, "mail.example.com") {
			t.Errorf("the error shows too much: %v", err)
		}
		if notify.IsBadCredential(err) != (url == wrong) {
			t.Errorf("marked wrongly: %v", err)
		}
	}
}

// The rules apply to the proxy, and to the server behind it.
func TestRulesApplyBehindAProxy(t *testing.T) {
	p := notifytest.StartProxy(t, "ann:correct-horse")
	for name, rules := range map[string]*notify.Rules{
		"no private address": {},
		"the proxy alone":    {Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
	} {
		_, err := through(t, rules, p.URL, "10.0.0.1:25")
		if !notify.IsPermanent(err) || !errors.Is(err, notify.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p.Used() != 0 {
		t.Error("the proxy was asked for a forbidden address")
	}
}

// socksServer is a SOCKS5 proxy (RFC 1928, RFC 1929) for one user.
func socksServer(conn net.Conn) {
	read := func(n byte) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(conn, b)
		return b
	}
	read(read(2)[1])                // the methods
	_, _ = conn.Write([]byte{5, 2}) // user and password
	user := string(read(read(2)[1]))
	password := string(read(read(1)[0])) // of a byte
	if user+password != "anncorrect-horse" {
		_, _ = conn.Write([]byte{1, 1})
		return
	}
	_, _ = conn.Write([]byte{1, 0})
	head := read(8) // version, command, 0, IPv4, four bytes
	port := read(2)
	far, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IP(head[4:8]), Port: int(port[0])<<8 + int(port[1])})
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	_, _ = io.Copy(conn, far)
}

// A Secret may name a server that must stay private.
func TestNetworkErrorsDoNotNameTheServer(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 6697}, Err: syscall.ECONNREFUSED}
	unknown := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "chat.internal", Server: "192.0.2.53:53"}}
	another := &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"other.internal"}}, Host: "chat.internal"}}
	for err, want := range map[error]string{
		refused: "dial: connection refused", unknown: "look up the server's name: no such host",
		another: "the server's certificate is not trusted: it is for another name",
	} {
		if got := notify.RedactHost(err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("%v becomes %v, want %s", err, got, want)
		}
	}
}
