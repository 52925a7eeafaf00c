package notifytest

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// usesProxy checks that an account connects through the proxy in its Secret, and nowhere else.
func usesProxy(t *testing.T, h Harness) {
	account := h.Start(t)
	account.Credential = maps.Clone(account.Credential)
	if account.Credential == nil {
		account.Credential = notify.Credential{}
	}
	account.Credential[notify.KeyProxy] = secret.New("ftp://proxy.example.com")
	service := h.Service()
	checkRefusal(t, service.Check(account.Config, account.Credential), "key proxy of the account's Secret", account.Secrets)
	if account.HTTP != nil {
		return // the harness's own connections to the stand-in
	}
	p := StartProxy(t, "ann:correct-horse-battery")
	account.Credential[notify.KeyProxy] = secret.New(p.URL + "\n")
	account.Secrets = append(account.Secrets, "correct-horse-battery")
	c := newClient(t, h, account)
	if err := c.notify(t, message("1", c.address(t, 0))); err != nil {
		t.Fatal(err)
	}
	account.Received(t, 1)
	if p.Used() == 0 {
		t.Error("the proxy was not used: the service is to be wrapped by notify.OverHTTP or notify.OverTCP")
	}
}

// Proxy is an HTTP proxy, for the method CONNECT and for requests without encryption.
type Proxy struct {
	// URL is with the user and the password.
	URL string

	used    atomic.Int64
	running sync.WaitGroup
}

// Used returns how many requests with the right login there were.
func (p *Proxy) Used() int { return int(p.used.Load()) }

// StartProxy starts a proxy that asks for a login, user:password. It ends with the test.
func StartProxy(t *testing.T, login string) *Proxy {
	t.Helper()
	p := &Proxy{}
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		user, password, _ := asked.BasicAuth()
		switch {
		case user+":"+password != login:
			w.WriteHeader(http.StatusProxyAuthRequired)
		case r.Method == http.MethodConnect:
			p.used.Add(1)
			p.tunnel(ctx, w, r)
		default:
			p.used.Add(1)
			forward(w, r)
		}
	}))
	t.Cleanup(func() {
		cancel()
		server.Close()
		p.running.Wait()
	})
	p.URL = strings.Replace(server.URL, "://", "://"+login+"@", 1)
	return p
}

func (p *Proxy) tunnel(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	far, err := new(net.Dialer).DialContext(ctx, "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n")
	for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
		stop := context.AfterFunc(ctx, func() { _ = from.Close() })
		p.running.Go(func() {
			defer stop()
			_, _ = io.Copy(struct{ io.Writer }{to}, from) // not by pipes, which Go keeps open
			_, _ = to.Close(), from.Close()
		})
	}
}

func forward(w http.ResponseWriter, r *http.Request) {
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}
