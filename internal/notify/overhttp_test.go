package notify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/secret"
)

// send sends a message with the generic webhook.
func send(t *testing.T, rules *notify.Rules, credential notify.Credential) error {
	t.Helper()
	if err := webhook.Service.Check([]byte(`{}`), credential); err != nil {
		t.Fatal(err)
	}
	client := notify.NewClient(notify.Options{Rules: rules, UserAgent: "travishook/test"})
	n, err := webhook.Service.New([]byte(`{}`), credential, notify.Deps{HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	defer func() { _ = n.Close() }()
	_, err = n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: "url", Text: "passed"})
	return err
}

// company is an HTTPS server with a certificate of its own authority, that asks for a client's certificate.
func company(t *testing.T, asks tls.ClientAuthType, clients *x509.CertPool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "travishook/test" {
			t.Errorf("User-Agent %q", r.UserAgent())
		}
	}))
	s.TLS = &tls.Config{ClientAuth: asks, ClientCAs: clients, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func authority(s *httptest.Server) secret.Value {
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

// clientCertificate makes a certificate that signs itself.
func clientCertificate(t *testing.T) (certificate, key secret.Value, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "travishook"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(encoded)
	return secret.New(string(encoded)), secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}))), pool
}

func TestAnAccountsOwnAuthority(t *testing.T) {
	s := company(t, tls.NoClientCert, nil)
	err := send(t, nil, notify.Credential{"url": secret.New(s.URL)})
	if err == nil || !strings.Contains(err.Error(), "signed by an unknown authority") {
		t.Errorf("without the authority: %v", err)
	}
	if err := send(t, nil, notify.Credential{"url": secret.New(s.URL), "ca.crt": authority(s)}); err != nil {
		t.Errorf("with the authority: %v", err)
	}
}

func TestAnAccountsOwnCertificate(t *testing.T) {
	certificate, key, pool := clientCertificate(t)
	s := company(t, tls.RequireAndVerifyClientCert, pool)
	without := notify.Credential{"url": secret.New(s.URL), "ca.crt": authority(s)}
	if err := send(t, nil, without); err == nil {
		t.Error("the server accepted a request without a certificate")
	}
	with := notify.Credential{"url": secret.New(s.URL), "ca.crt": authority(s), "tls.crt": certificate, "tls.key": key}
	if err := send(t, nil, with); err != nil {
		t.Error(err)
	}
}

func TestAnAccountsOwnProxy(t *testing.T) {
	var asked, user string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked, user = r.URL.String(), r.Header.Get("Proxy-Authorization")
	}))
	t.Cleanup(proxy.Close)
	credential := notify.Credential{
		"url": secret.New("http://chat.example.com/hook"), "proxy": secret.New(strings.Replace(proxy.URL, "//", "//ann:correct-horse@", 1) + "\n"),
	}
	if err := send(t, nil, credential); err != nil {
		t.Fatal(err)
	}
	if asked != "http://chat.example.com/hook" || !strings.HasPrefix(user, "Basic ") {
		t.Errorf("the proxy was asked for %q by %q", asked, user)
	}
	// A tenant must not reach a private address by calling it a proxy.
	asked = ""
	err := send(t, &notify.Rules{}, credential)
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "loopback") || asked != "" {
		t.Errorf("the rules let an account use a proxy on a loopback address: %v, %q", err, asked)
	}
	if text := err.Error(); strings.Contains(text, "correct-horse") || strings.Contains(text, "127.0.0.1") {
		t.Errorf("the error shows the proxy: %v", err)
	}
}

// TestAProxyThatRefuses: the reason must not read like an answer of the service.
func TestAProxyThatRefuses(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusProxyAuthRequired: "the proxy refuses the user and the password",
		http.StatusBadGateway:        "the proxy refuses to connect to the server: it answered 502",
		http.StatusFound:             "the proxy refuses to connect to the server: it answered 302",
	} {
		proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		err := send(t, nil, notify.Credential{"url": secret.New("https://chat.example.com/hook"), "proxy": secret.New(proxy)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want %q", status, err, want)
		}
		if refused := status == http.StatusProxyAuthRequired; notify.IsBadCredential(err) != refused || notify.IsPermanent(err) != refused {
			t.Errorf("%d: %v is dead %v", status, err, !refused)
		}
	}
}

func TestBadConnectionKeys(t *testing.T) {
	certificate, key, _ := clientCertificate(t)
	_, other, _ := clientCertificate(t)
	for says, keys := range map[string]notify.Credential{
		"ca.crt of the Secret has no certificate": {"ca.crt": secret.New("x")},
		"tls.crt without tls.key":                 {"tls.crt": certificate},
		"tls.key without tls.crt":                 {"tls.key": key},
		"not a certificate and its private key":   {"tls.crt": certificate, "tls.key": other},
		"is not a proxy":                          {"proxy": secret.New("proxy.example.com:3128")},
	} {
		keys["url"] = secret.New("https://chat.example.com")
		if err := webhook.Service.Check([]byte(`{}`), keys); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := webhook.Service.Address(nil, notify.Credential{"url": secret.New("https://x.example"), "ca.crt": certificate}, "ca.crt"); err == nil {
		t.Error("a key of the connection is an address")
	}
}
