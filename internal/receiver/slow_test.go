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

// TestSlowSendersAreGivenUp drips a request, a byte every second, and tells when it is over and
// how.
func TestSlowSendersAreGivenUp(t *testing.T) {
	const headers = "POST /travis HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nTravis-Repo-Slug: open/open\r\n"
	tests := map[string]struct {
		begin  string
		within time.Duration
		status string
	}{
		"headers without an end":             {headers + "X: ", receiver.HeaderTimeout, ""},
		"a body without an end":              {headers + "Content-Length: 1000\r\n\r\n", receiver.ReadTimeout, "HTTP/1.1 400 Bad Request"},
		"a chunk without an end":             {headers + "Transfer-Encoding: chunked\r\n\r\n1000\r\n", receiver.ReadTimeout, "HTTP/1.1 400 Bad Request"},
		"a connection without a request yet": {"", receiver.HeaderTimeout, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := usual(t)
				server, err := receiver.NewServer(receiver.ServerOptions{Handler: receiver.NewHandler(r.options), Log: logr.Discard()})
				if err != nil {
					t.Fatal(err)
				}
				listener := &pipes{connections: make(chan net.Conn), closed: make(chan struct{})}
				server.ListenOn(listener)
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- server.Serve(ctx) }()
				ours, theirs := net.Pipe()
				listener.connections <- theirs

				dripped := make(chan struct{})
				go func() { drip(ours, test.begin); close(dripped) }()
				began := time.Now()
				answer, err := io.ReadAll(bufio.NewReader(ours))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > test.within+time.Second {
					t.Errorf("it took %s, want %s", took, test.within)
				}
				if status, _, _ := strings.Cut(string(answer), "\r\n"); status != test.status {
					t.Errorf("answer is %q, want %q", status, test.status)
				}
				_ = ours.Close() // ends drip
				<-dripped
				stop()
				<-ended
			})
		})
	}
}

// drip goes on for longer than any bound, and not for ever.
func drip(w io.Writer, begin string) {
	text := begin
	for range 600 {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		<-time.After(time.Second)
		if text = "a"; begin == "" {
			text = ""
		}
	}
}
