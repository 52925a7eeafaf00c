package notify_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
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

func TestGuardedClientRefusesAtConnecting(t *testing.T) {
	target := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	byName := strings.Replace(target, "127.0.0.1", "localhost", 1)
	for _, target := range []string{target, byName} {
		_, err := get(t, notify.NewClient(notify.Options{Rules: &notify.Rules{}}), target)
		if !errors.Is(err, notify.ErrForbidden) || !notify.IsPermanent(err) {
			t.Errorf("%s: %v, want it forbidden for good", target, err)
		}
	}
}

func TestGuardedClientKnowsExceptions(t *testing.T) {
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

func TestProxyIsAskedAfterTheRules(t *testing.T) {
	var asked []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Host)
		w.WriteHeader(http.StatusNoContent)
	})
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("HTTPS_PROXY", proxy)
	t.Setenv("NO_PROXY", "")
	client := notify.NewClient(notify.Options{Rules: &notify.Rules{}})

	if resp, err := get(t, client, "http://1.1.1.1/"); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("public address through the proxy: %v", err)
	}
	for _, target := range []string{"http://10.0.0.1/", "https://169.254.169.254/", "http://[fd00::1]/"} {
		if _, err := get(t, client, target); !errors.Is(err, notify.ErrForbidden) {
			t.Errorf("%s: %v, want it forbidden", target, err)
		}
	}
	if len(asked) != 1 || asked[0] != "1.1.1.1" {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

func TestExemptClientGoesThroughTheProxyUnasked(t *testing.T) {
	proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("NO_PROXY", "")
	if resp, err := get(t, notify.NewClient(notify.Options{}), "http://10.0.0.1/"); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("private address of an exempt account: %v", err)
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
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "redirects to https://elsewhere.example.com,") {
		t.Errorf("%v, want a permanent error that names the new origin", err)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 2<<20))
	})
	resp, err := get(t, notify.NewClient(notify.Options{}), target)
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.Copy(io.Discard, resp.Body)
	if read != 1<<20 || !notify.IsAnswerLost(err) {
		t.Errorf("read %d bytes and then %v, want 1 MiB and an error", read, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

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

func TestClientTrustsTheGivenCAOnly(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "travishook/1.2.3" {
			t.Errorf("user agent %q", got)
		}
	}))
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	if _, err := get(t, notify.NewClient(notify.Options{CA: pool, UserAgent: "travishook/1.2.3"}), server.URL); err != nil {
		t.Errorf("with the server's CA: %v", err)
	}
	if _, err := get(t, notify.NewClient(notify.Options{}), server.URL); err == nil {
		t.Error("a certificate that nobody knows was trusted")
	}
}

func target(path string) string { return "https://example.com" + path }

func TestRedactTakesTheURLOut(t *testing.T) {
	inner := notify.AnswerLost(errors.New("EOF"))
	wrapped := fmt.Errorf("post to %s: %w", target(secretPath),
		&url.Error{Op: "Post", URL: "https://user:pass@example.com" + secretPath, Err: inner})
	got := notify.Redact(wrapped)
	if got.Error() != "post https://example.com: EOF" {
		t.Errorf("got %q", got)
	}
	if !notify.IsAnswerLost(got) {
		t.Error("the kind is gone")
	}
	_, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target(secretPath+"/%zz"), nil)
	if got := notify.Redact(err); strings.Contains(got.Error(), "secret") || strings.Contains(got.Error(), "zz") {
		t.Errorf("got %q", got)
	}
	if plain := errors.New("plain"); !errors.Is(notify.Redact(plain), plain) {
		t.Error("an error without a URL was changed")
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
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	client := notify.NewClient(notify.Options{CA: pool})
	t.Cleanup(client.CloseIdleConnections)
	if _, err := notify.Post(t.Context(), client, server.URL+secretPath, nil, []byte("{}")); !notify.IsAnswerLost(err) {
		t.Errorf("%v, want a lost answer", err)
	}
}

func TestRefusedConnectionIsNoLostAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := notify.Post(t.Context(), notify.NewClient(notify.Options{}), server.URL+secretPath, nil, []byte("{}"))
	if err == nil || notify.IsAnswerLost(err) || notify.IsPermanent(err) {
		t.Errorf("%v, want an error that is tried again", err)
	}
	if strings.Contains(err.Error(), secretPath) {
		t.Errorf("the URL shows: %v", err)
	}
}
