package receiver_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/leaks"
)

func TestMain(m *testing.M) {
	// net/http gives a client half a second to read an answer that came before the end of its request.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// serve starts a server and ends it with the test, which must leave nothing open. stop tells it to stop; ended is what Serve returned.
func serve(t *testing.T, options receiver.ServerOptions) (address string, stop func(), ended <-chan error) {
	t.Helper()
	leaks.Check(t)
	options.Address, options.Log = "127.0.0.1:0", logr.Discard()
	s, err := receiver.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		result <- s.Serve(ctx)
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s.Addr().String(), cancel, result
}

// exchange writes raw bytes to the server and returns the status line that comes back.
func exchange(t *testing.T, address, raw string) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, unwritten := io.WriteString(connection, raw) // the server may have answered before the end, and closed
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		t.Fatalf("no answer: %v; %v", err, unwritten)
	}
	return strings.TrimSpace(line)
}

func TestRawRequests(t *testing.T) {
	headers := slowHeaders
	unknown := strings.Replace(headers, "open/open", "un/known", 1)
	tests := map[string]struct{ raw, want string }{
		"not HTTP":                     {"hello\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"a NUL in a header":            {"POST /travis HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"two lengths":                  {headers + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400 Bad Request"},
		"headers without an end":       {headers + "X: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		"a chunk that is none":         {headers + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 Bad Request"},
		"refused before the body":      {unknown + "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 204 No Content"},
		"too large before the body":    {headers + "Content-Length: 1000000000000\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 Request Entity Too Large"},
		"a body that is waited for":    {headers + "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 100 Continue"},
		"an expectation of who knows":  {headers + "Content-Length: 1\r\nExpect: mercy\r\n\r\na", "HTTP/1.1 417 Expectation Failed"},
		"OPTIONS for the whole server": {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found"},
		"a proof in an absolute URL":   {"POST http://x/travis/a/b HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found"},
	}
	r := newPopulatedFixture(t)
	address, _, _ := serve(t, receiver.ServerOptions{Handler: receiver.NewHandler(r.options)})
	for name, test := range tests {
		if got := exchange(t, address, test.raw); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAPortInUseIsExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s, err := receiver.NewServer(receiver.ServerOptions{Address: taken.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("cannot listen for webhooks on %s: another program uses the port; stop it, or choose another port", taken.Addr())
	if err := s.Listen(); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestAWebhookUnderWayIsFinishedBeforeTheEnd(t *testing.T) {
	r := newPopulatedFixture(t)
	r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{})
	address, stop, ended := serve(t, receiver.ServerOptions{Handler: receiver.NewHandler(r.options), Drain: time.Minute})
	answered := make(chan int, 1)
	go func() {
		b := travistest.Build{Repository: "open/open", Finished: finished}
		answered <- post(travistest.Request(context.Background(), "http://"+address+"/travis", b, travistest.Key()))
	}()
	<-r.store.entered
	stop()
	close(r.store.hold)
	if code := <-answered; code != http.StatusAccepted {
		t.Errorf("answer is %d", code)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheEndIsBounded(t *testing.T) {
	r := newPopulatedFixture(t)
	r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{})
	address, stop, ended := serve(t, receiver.ServerOptions{Handler: receiver.NewHandler(r.options), Drain: time.Millisecond})
	answered := make(chan int, 1)
	go func() {
		b := travistest.Build{Repository: "open/open", Finished: finished}
		answered <- post(travistest.Request(context.Background(), "http://"+address+"/travis", b, travistest.Key()))
	}()
	<-r.store.entered
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "webhooks were cut off after 1ms") {
		t.Errorf("error is %v", err)
	}
	close(r.store.hold)
	if code := <-answered; code != 0 {
		t.Errorf("answer is %d, although it was cut off", code)
	}
}

// post returns the status, or 0 where there was no answer.
func post(request *http.Request) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestTooManyAtOnceAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPopulatedFixture(t)
		r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{}, receiver.MaxUnderWay)
		handler := receiver.NewHandler(r.options)
		answers := make(chan int, receiver.MaxUnderWay+1)
		for i := range receiver.MaxUnderWay + 1 {
			request := webhook(travistest.Build{Repository: "open/open", ID: int64(i + 1)}, travistest.Key())
			go func() {
				w := &statusOnly{header: http.Header{}}
				handler.ServeHTTP(w, request)
				answers <- w.code
			}()
		}
		if code := <-answers; code != http.StatusServiceUnavailable || r.last() != "503 busy" {
			t.Errorf("the one too many got %d %s", code, r.last())
		}
		close(r.store.hold)
		for range receiver.MaxUnderWay {
			if code := <-answers; code != http.StatusAccepted {
				t.Errorf("one of the others got %d", code)
			}
		}
	})
}

// statusOnly is a response writer that keeps the status.
type statusOnly struct {
	header http.Header
	code   int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) WriteHeader(code int)        { w.code = code }
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }

// certify writes a certificate for 127.0.0.1 to a folder and returns a client that trusts it.
func certify(t *testing.T, folder string, serial int64, modified time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}

func TestHTTPS(t *testing.T) {
	r := newPopulatedFixture(t)
	folder := t.TempDir()
	trusted := certify(t, folder, 1, time.Now())
	address, _, _ := serve(t, receiver.ServerOptions{
		Handler:  receiver.NewHandler(r.options),
		CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key"),
	})
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	request := travistest.Request(t.Context(), "https://"+address+"/travis", travistest.Build{Repository: "open/open", Finished: finished}, travistest.Key())
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		t.Errorf("answer is %s", response.Status)
	}
	if response.ProtoMajor != 1 {
		t.Errorf("a connection carries many webhooks at once: it is %s", response.Proto)
	}
}

func TestAnUnreadableCertificateIsExplained(t *testing.T) {
	folder := t.TempDir()
	_, err := receiver.NewServer(receiver.ServerOptions{CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key")})
	if err == nil || !strings.HasPrefix(err.Error(), "certificate of the receiver: ") {
		t.Errorf("error is %v", err)
	}
}

func TestACertificateIsReadAgainWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		certFile, keyFile := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
		serial := func(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) int64 {
			c, err := get(nil)
			if err != nil {
				t.Fatal(err)
			}
			return c.Leaf.SerialNumber.Int64()
		}
		certify(t, folder, 1, time.Now())
		get, err := receiver.CertificateOf(certFile, keyFile)
		if err != nil {
			t.Fatal(err)
		}
		certify(t, folder, 2, time.Now().Add(time.Second))
		<-time.After(time.Minute)
		if got := serial(get); got != 2 {
			t.Errorf("certificate %d is in use, want 2", got)
		}
		if err := os.WriteFile(certFile, []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if got := serial(get); got != 2 {
			t.Errorf("after rubbish certificate %d is in use, want 2", got)
		}
	})
}
