package receiver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// pipes is a listener in memory, so that the server's clock can be the test's.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, errors.New("closed")
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// inMemory starts a server on the clock of a synctest bubble. dial connects to it; stop stops it.
func inMemory(t *testing.T, r *fixture) (dial func() net.Conn, stop func(), ended <-chan error) {
	t.Helper()
	server, err := receiver.NewServer(receiver.ServerOptions{
		Handler: receiver.NewHandler(r.options), Drain: time.Minute, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
	server.ListenOn(listener)
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- server.Serve(ctx) }()
	dial = func() net.Conn {
		ours, theirs := net.Pipe()
		listener.connections <- theirs
		return ours
	}
	return dial, stop, result
}

// anySignature has the form of a signature.
var anySignature = strings.Repeat("A", 344-2) + "=="

var slowHeaders = "POST /travis HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nTravis-Repo-Slug: open/open\r\nSignature: " + anySignature + "\r\n"

const get = "GET /travis HTTP/1.1\r\nHost: a\r\n\r\n"

// TestSlowSendersAreDisconnected sends a request slowly, a byte every second, and checks when and how it
// ends.
func TestSlowSendersAreDisconnected(t *testing.T) {
	tests := map[string]struct {
		begin, drop string
		within      time.Duration
		status      string
	}{
		"headers without an end":             {slowHeaders + "X: ", "a", receiver.HeaderTimeout, ""},
		"a body without an end":              {slowHeaders + "Content-Length: 1000\r\n\r\n", "a", receiver.ReadGrace, "HTTP/1.1 408 Request Timeout"},
		"a chunk without an end":             {slowHeaders + "Transfer-Encoding: chunked\r\n\r\n1000\r\n", "a", receiver.ReadGrace, "HTTP/1.1 408 Request Timeout"},
		"a body that is not read":            {strings.Replace(slowHeaders, "open/open", "un/known", 1) + "Content-Length: 1000\r\n\r\n", "a", 2 * receiver.HeaderTimeout, "HTTP/1.1 204 No Content"},
		"a body at almost the least rate":    {slowHeaders + "Content-Length: 10000000\r\n\r\n", strings.Repeat("a", receiver.LeastRate*3/4), 17 * time.Second, "HTTP/1.1 408 Request Timeout"},
		"a connection without a request yet": {"", "", receiver.HeaderTimeout, ""},
		"a connection without another one":   {get, "", receiver.IdleTimeout, "HTTP/1.1 405 Method Not Allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial, stop, ended := inMemory(t, newPopulatedFixture(t))
				connection := dial()
				dripped := make(chan struct{})
				go func() { drip(connection, test.begin, test.drop); close(dripped) }()
				began := time.Now()
				answer, err := io.ReadAll(connection)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < test.within || took > test.within+2*time.Second {
					t.Errorf("it took %s, want %s", took, test.within)
				}
				if status, _, _ := strings.Cut(string(answer), "\r\n"); status != test.status {
					t.Errorf("answer is %q, want %q", status, test.status)
				}
				_ = connection.Close() // ends drip
				<-dripped
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// drip writes begin and then a drop every second, for longer than any limit.
func drip(w io.Writer, begin, drop string) {
	for text, seconds := begin, 0; seconds < 600; text, seconds = drop, seconds+1 {
		if text != "" {
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
		}
		<-time.After(time.Second)
	}
}

func TestASenderThatDoesNotReadIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop, ended := inMemory(t, newPopulatedFixture(t))
		connection := dial()
		if _, err := io.WriteString(connection, get); err != nil {
			t.Fatal(err)
		}
		<-time.After(receiver.WriteTimeout + time.Second)
		if answer, err := io.ReadAll(connection); err != nil || len(answer) > 0 {
			t.Errorf("%v; the answer was still to be had: %q", err, answer)
		}
		_ = connection.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestConnectionsBeyondTheLimit opens a connection without a request and one whose webhook is being stored, and then
// as many as the limit is.
func TestConnectionsBeyondTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newPopulatedFixture(t)
		r.store.hold, r.store.entered = make(chan struct{}), make(chan struct{})
		dial, stop, ended := inMemory(t, r)
		began := time.Now()
		idle, proven := dial(), dial()
		defer proven.Close()
		if err := webhook(travistest.Build{Repository: "open/open"}, travistest.Key()).Write(proven); err != nil {
			t.Fatal(err)
		}
		<-r.store.entered
		for range receiver.MaxConnections {
			defer dial().Close()
		}
		synctest.Wait() // for the last one
		if _, err := io.ReadAll(idle); err != nil || time.Since(began) > 0 {
			t.Errorf("the idle one was closed after %s: %v", time.Since(began), err)
		}
		close(r.store.hold)
		if line, err := bufio.NewReader(proven).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 202 ") {
			t.Errorf("the proven one got %q: %v", line, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
