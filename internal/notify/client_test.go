package notify_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

const secretPath = "/T0123/secret-path"

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func get(t *testing.T, client *http.Client, target string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	t.Cleanup(client.CloseIdleConnections)
	return resp, err
}

func TestGuardedClientRefusesWhenConnecting(t *testing.T) {
	target := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	byName := strings.Replace(target, "127.0.0.1", "localhost", 1)
	for _, target := range []string{target, byName} {
		_, err := get(t, notify.NewClient(notify.Options{Rules: &notify.Rules{}}), target)
		if !errors.Is(err, notify.ErrForbidden) || !notify.IsPermanent(err) {
			t.Errorf("%s: %v, want a permanent ErrForbidden", target, err)
		}
	}
}

func TestGuardedClientAppliesAllowAndDeny(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	byAddress := serve(t, func(http.ResponseWriter, *http.Request) {})
	byName := strings.Replace(byAddress, "127.0.0.1", "localhost", 1)
	for name, test := range map[string]struct {
		target    string
		rules     notify.Rules
		forbidden bool
	}{
		"prefix":                        {byAddress, notify.Rules{Allow: loopback}, false},
		"prefix, reached by name":       {byName, notify.Rules{Allow: loopback}, false},
		"prefix that is denied as well": {byAddress, notify.Rules{Allow: loopback, Deny: loopback}, true},
		"name whose address is denied":  {byName, notify.Rules{Allow: loopback, Deny: loopback}, true},
	} {
		_, err := get(t, notify.NewClient(notify.Options{Rules: &test.rules}), test.target)
		if forbidden := errors.Is(err, notify.ErrForbidden); forbidden != test.forbidden || (err == nil) == test.forbidden {
			t.Errorf("%s: %v, want forbidden: %v", name, err, test.forbidden)
		}
	}
}

func TestGuardedDialerRefusesOtherNetworks(t *testing.T) {
	dial := notify.NewDialer(&notify.Rules{})
	for _, to := range [][2]string{{"unix", t.TempDir() + "/socket"}, {"udp", "1.1.1.1:53"}, {"tcp", "[::ffff:127.0.0.1]:1"}} {
		conn, err := dial(t.Context(), to[0], to[1])
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, notify.ErrForbidden) {
			t.Errorf("%s: %v, want it forbidden", to, err)
		}
	}
}

func TestProxyGetsNoRequestForForbiddenHosts(t *testing.T) {
	var proxied []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		proxied = append(proxied, r.URL.Host)
		w.WriteHeader(http.StatusNoContent)
	})
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("HTTPS_PROXY", proxy)
	t.Setenv("NO_PROXY", "")
	client := notify.NewClient(notify.Options{Rules: &notify.Rules{}})

	if resp, err := get(t, client, "http://1.1.1.1/"); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("public address through the proxy: %v", err)
	}
	for _, target := range []string{
		"http://10.0.0.1/", "https://169.254.169.254/", "http://[fd00::1]/", "http://127.0.0.1./",
		// Notations that a proxy's resolver may read as 127.0.0.1.
		"http://2130706433/", "http://127.1/", "http://0x7f.0.0.1/", "http://127.0.0.0x1/", "http://0X7F000001./",
		"http://0177.0.0.01/", "http://\uff11\uff12\uff17.0.0.1/", "http://127\u30020\u30020\u30021/", "http://example.com.1/",
	} {
		if _, err := get(t, client, target); !errors.Is(err, notify.ErrForbidden) || !notify.IsPermanent(err) {
			t.Errorf("%s: %v, want a permanent ErrForbidden", target, err)
		}
	}
	if len(proxied) != 1 || proxied[0] != "1.1.1.1" {
		t.Errorf("the proxy got requests for %q", proxied)
	}
}

func TestExemptClientUsesTheProxyForEveryHost(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("NO_PROXY", "")
	if resp, err := get(t, notify.NewClient(notify.Options{}), "http://10.0.0.1/"); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("private address of an exempt account: %v", err)
	}
}

// TestABurstReusesConnections: the deliveries that one batch of the store releases are sent at once, often to
// one host. A new connection for each would cost more than the message.
func TestABurstReusesConnections(t *testing.T) {
	const burst = 32
	var opened atomic.Int32
	arrived, answer := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-answer
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := notify.NewClient(notify.Options{})
	t.Cleanup(client.CloseIdleConnections)
	send := func() {
		resp, err := client.Get(server.URL)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	for range 3 {
		var sending sync.WaitGroup
		for range burst {
			sending.Go(send)
		}
		for range burst {
			<-arrived // so that all are under way at once
		}
		for range burst {
			answer <- struct{}{}
		}
		sending.Wait()
	}
	if n := opened.Load(); n > burst {
		t.Errorf("%d connections for bursts of %d requests", n, burst)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("the redirect was followed")
		}
		w.Header().Set("Location", "https://elsewhere.example.com"+secretPath)
		w.WriteHeader(http.StatusFound)
	})
	_, err := get(t, notify.NewClient(notify.Options{}), target+"/")
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "answered 302: redirects are not followed") {
		t.Errorf("%v, want a permanent error that says so", err)
	}
	if strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("%v shows a host", err)
	}
}

// TestASwitchOfProtocolsEndsTheAttempt: the answer's body would be the connection, which no deadline ends.
func TestASwitchOfProtocolsEndsTheAttempt(t *testing.T) {
	done := make(chan struct{})
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn) // until the client closes it
		close(done)
	})
	client := notify.NewClient(notify.Options{})
	t.Cleanup(client.CloseIdleConnections)
	_, err := notify.Post(t.Context(), client, target, nil, nil)
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "answered 101") {
		t.Errorf("%v, want a permanent error that says so", err)
	}
	<-done
}

// TestAnswersThatAreNotHTTP: a status shows what happened, in words that need no knowledge of Go, and nothing that the
// server sent.
func TestAnswersThatAreNotHTTP(t *testing.T) {
	for sent, want := range map[string]string{
		"":                              "post: the server closed the connection without an answer",
		"HTTP/1.1 200 OK\r\nA: b":       "post: the server closed the connection before the end of its answer",
		"SSH-2.0-OpenSSH_9.2\r\n":       "post: the server does not speak HTTP",
		"\x15\x03\x01\x00\x02\x02F\r\n": "post: the server does not speak HTTP",
		"HTTP/1.1 99 X\r\n\r\n":         "post: the server does not speak HTTP",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n": "post: the header of the server's answer is too large",
	} {
		target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, sent)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn) // a close with unread bytes would be a reset
			_ = conn.Close()
		})
		client := notify.NewClient(notify.Options{})
		_, err := notify.Post(t.Context(), client, target, nil, []byte("x"))
		if err == nil || err.Error() != want || notify.IsPermanent(err) {
			t.Errorf("%.30q: %v, want %q and a retry", sent, err, want)
		}
		client.CloseIdleConnections()
	}
}

const answerLimit = 64 << 10

func TestAnswerIsLimited(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 2*answerLimit))
	})
	resp, err := get(t, notify.NewClient(notify.Options{}), target)
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.Copy(io.Discard, resp.Body)
	if read != answerLimit || !notify.IsAnswerLost(err) {
		t.Errorf("read %d bytes and then %v, want %d and a lost answer", read, err, answerLimit)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestPostReadsAtMostTheLimit(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 2*answerLimit))
	})
	client := notify.NewClient(notify.Options{})
	t.Cleanup(client.CloseIdleConnections)
	answer, err := notify.Post(t.Context(), client, target, nil, nil)
	if err != nil || answer.Status != http.StatusOK || len(answer.Body) != answerLimit {
		t.Errorf("status %d, %d bytes, %v", answer.Status, len(answer.Body), err)
	}
	answer, err = notify.PostForStatus(t.Context(), client, target, nil, nil)
	if err != nil || answer.Status != http.StatusOK || answer.Body != nil {
		t.Errorf("for the status alone: status %d, %d bytes, %v", answer.Status, len(answer.Body), err)
	}
}

// TestAnswerIsNotDecompressed: a kilobyte of gzip can unpack to a megabyte.
func TestAnswerIsNotDecompressed(t *testing.T) {
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	if _, err := io.Copy(z, io.LimitReader(zeros{}, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("the client accepts %q", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(compressed.Bytes())
	})
	client := notify.NewClient(notify.Options{})
	t.Cleanup(client.CloseIdleConnections)
	answer, err := notify.Post(t.Context(), client, target, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(answer.Body, compressed.Bytes()) {
		t.Errorf("%d bytes were read of the %d that the server sent", len(answer.Body), compressed.Len())
	}
}

func TestLargeHeaderIsRefused(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 64 {
			w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1<<10))
		}
	})
	if resp, err := get(t, notify.NewClient(notify.Options{}), target); err == nil {
		t.Errorf("a header of 64 KiB was accepted: %d", resp.StatusCode)
	}
}

// TestHTTP2WindowsAreSmall reads from the wire how much a server may send before it is read: Go's own
// windows are 4 MiB for a request and 1 GiB for a connection.
func TestHTTP2WindowsAreSmall(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	windows := make(chan [2]uint32, 1)
	server.TLS = &tls.Config{NextProtos: []string{http2.NextProtoTLS}}
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		http2.NextProtoTLS: func(_ *http.Server, conn *tls.Conn, _ http.Handler) {
			stream, connection, err := readWindows(conn)
			if err != nil {
				t.Error(err)
			}
			windows <- [2]uint32{stream, connection}
		},
	}
	client := startTLS(t, server)
	if _, err := get(t, client, server.URL); err == nil {
		t.Error("a server that answers nothing was no error")
	}
	got := <-windows
	if stream, connection := got[0], got[1]; stream > answerLimit || connection > 8*answerLimit {
		t.Errorf("the windows are %d bytes for a request and %d for the connection", stream, connection)
	}
}

// readWindows reads what a client announces at the start of a connection.
func readWindows(conn net.Conn) (stream, connection uint32, err error) {
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return 0, 0, err
	}
	stream, connection = 64<<10-1, 64<<10-1 // the protocol's default
	for framer := http2.NewFramer(io.Discard, conn); ; {
		frame, err := framer.ReadFrame()
		if err != nil {
			return 0, 0, err
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if v, ok := frame.Value(http2.SettingInitialWindowSize); ok {
				stream = v
			}
		case *http2.WindowUpdateFrame:
			connection += frame.Increment
		case *http2.HeadersFrame: // the request, which follows all settings
			return stream, connection, nil
		}
	}
}

// startTLS starts a server and returns a client that trusts it.
func startTLS(t *testing.T, server *httptest.Server) *http.Client {
	t.Helper()
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := notify.NewClient(notify.Options{UserAgent: "travishook/1.2.3"})
	notify.TrustOnly(client, roots)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func TestAnswerThatBreaksOffIsLost(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half an ans")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	resp, err := get(t, notify.NewClient(notify.Options{}), target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); !notify.IsAnswerLost(err) {
		t.Errorf("%v, want a lost answer", err)
	}
}

func TestClientVerifiesCertificates(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "travishook/1.2.3" {
			t.Errorf("user agent %q", got)
		}
	}))
	trusting := startTLS(t, server)
	if _, err := get(t, trusting, server.URL); err != nil {
		t.Errorf("with the server's authority: %v", err)
	}
	_, err := get(t, notify.NewClient(notify.Options{}), server.URL)
	if err == nil {
		t.Fatal("a certificate of an unknown authority was trusted")
	}
	if got := notify.Redact(err).Error(); got != "get: the server's certificate is not trusted: it is signed by an unknown authority" {
		t.Errorf("the error reads %q", got)
	}
}

func target(path string) string { return "https://example.com" + path }

func TestRedactRemovesTheURL(t *testing.T) {
	inner := notify.AnswerLost(errors.New("EOF from example.com"))
	wrapped := fmt.Errorf("post to %s: %w", target(secretPath),
		&url.Error{Op: "Post", URL: "https://user:pass@example.com" + secretPath, Err: inner})
	got := notify.Redact(wrapped)
	if got.Error() != "post: EOF from [host]" {
		t.Errorf("got %q", got)
	}
	if !notify.IsAnswerLost(got) {
		t.Error("the kind is lost")
	}
	_, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target(secretPath+"/%zz"), nil)
	if got := notify.Redact(err); strings.Contains(got.Error(), "secret") || strings.Contains(got.Error(), "zz") {
		t.Errorf("got %q", got)
	}
	if plain := errors.New("plain"); !errors.Is(notify.Redact(plain), plain) {
		t.Error("an error without a URL was changed")
	}
}

// TestErrorsShowNoHost: the Secret may name a server that readers of a status must not learn.
func TestErrorsShowNoHost(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	trusting := startTLS(t, other)
	guarded := notify.NewClient(notify.Options{Rules: &notify.Rules{}})
	for want, test := range map[string]struct {
		client *http.Client
		url    string
	}{
		"dial: connect: connection refused": {notify.NewClient(notify.Options{}), closed.URL},
		"look up the server's name: ":       {notify.NewClient(notify.Options{}), "https://hidden-server.invalid/"},
		"the server has a loopback address": {guarded, plain},
		"it is for another name":            {trusting, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)},
		"gave HTTP response to HTTPS":       {notify.NewClient(notify.Options{}), strings.Replace(plain, "http:", "https:", 1)},
	} {
		_, err := get(t, test.client, test.url)
		if err == nil {
			t.Errorf("%s: no error", test.url)
			continue
		}
		text := notify.Redact(err).Error()
		if !strings.Contains(text, want) {
			t.Errorf("%q does not contain %q", text, want)
		}
		u, err := url.Parse(test.url)
		if err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{u.Hostname(), u.Port(), "127.0.0.1", "::1"} {
			if hidden != "" && strings.Contains(text, hidden) {
				t.Errorf("%q shows %s", text, hidden)
			}
		}
	}
}

func TestAnswerLostOverHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.ProtoMajor != 2 {
			t.Errorf("spoke %s", r.Proto)
		}
		panic(http.ErrAbortHandler)
	}))
	server.EnableHTTP2 = true
	client := startTLS(t, server)
	if _, err := notify.Post(t.Context(), client, server.URL+secretPath, nil, []byte("{}")); !notify.IsAnswerLost(err) {
		t.Errorf("%v, want a lost answer", err)
	}
}

func TestRefusedConnectionIsNoLostAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := notify.Post(t.Context(), notify.NewClient(notify.Options{}), server.URL+secretPath, nil, []byte("{}"))
	if err == nil || notify.IsAnswerLost(err) || notify.IsPermanent(err) {
		t.Errorf("%v, want an error that is retried", err)
	}
	if strings.Contains(err.Error(), secretPath) {
		t.Errorf("the URL shows: %v", err)
	}
}

func TestRedactSecrets(t *testing.T) {
	credential := notify.Credential{
		"username": secret.New("0123-4567"), "password": secret.New("0123-4567-89ab\n"), "channel": secret.New("ci"),
	}
	lost := errors.New("lost")
	err := notify.RedactSecrets(notify.Permanent(fmt.Errorf("ci: login 0123-4567:0123-4567-89ab: %w", lost)), credential)
	if got, want := err.Error(), "ci: login [redacted]:[redacted]: lost"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !notify.IsPermanent(err) || !errors.Is(err, lost) {
		t.Error("the kind of the error is lost")
	}
	if notify.RedactSecrets(nil, credential) != nil {
		t.Error("no error became one")
	}
}
