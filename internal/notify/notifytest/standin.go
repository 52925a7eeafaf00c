package notifytest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/travishook/travishook/test/port"
)

// Recorder keeps what channels received. The zero value is ready for use.
type Recorder struct {
	mu  sync.Mutex
	got []Received
	// arrived is closed and replaced with each message.
	arrived chan struct{}
}

// Add records a message.
func (r *Recorder) Add(got Received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, got)
	if r.arrived != nil {
		close(r.arrived)
		r.arrived = nil
	}
}

// Wait returns all messages once there are n: an Account's Received.
func (r *Recorder) Wait(t *testing.T, n int) []Received {
	t.Helper()
	timeout := time.After(patience)
	for {
		got, arrived := r.snapshot()
		if len(got) >= n {
			return got
		}
		select {
		case <-arrived:
		case <-timeout:
			t.Fatalf("%d messages arrived, want %d", len(got), n)
		}
	}
}

func (r *Recorder) snapshot() ([]Received, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.arrived == nil {
		r.arrived = make(chan struct{})
	}
	return slices.Clone(r.got), r.arrived
}

// Serve starts an HTTP server for the test and returns its URL, without a slash at the end.
func Serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Answers is a handler that gives one answer to everything.
func Answers(code int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// Drops is a handler that reads the request and closes the connection without an answer.
func Drops(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// Hangs is a handler that reads the request and never answers; reached is closed with the first request.
func Hangs() (handler http.HandlerFunc, reached <-chan struct{}) {
	came := make(chan struct{})
	var once sync.Once
	return func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice a closed connection
		once.Do(func() { close(came) })
		<-r.Context().Done()
	}, came
}

// Silent starts a TCP server that accepts connections and sends nothing, and returns its host:port; reached is
// closed with the first connection.
func Silent(t *testing.T) (address string, reached <-chan struct{}) {
	t.Helper()
	came := make(chan struct{})
	var once sync.Once
	return Listener(t, func(conn net.Conn) {
		once.Do(func() { close(came) })
		_, _ = io.Copy(io.Discard, conn)
	}), came
}

// Listener starts a TCP server and returns its host:port. Each connection is closed when serve returns.
func Listener(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		ended   bool
		open    = map[net.Conn]bool{}
	)
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			if ended {
				_ = conn.Close()
			}
			mu.Unlock()
			running.Go(func() { serve(conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		ended = true
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return l.Addr().String()
}

// ClosedPort returns a host:port on this machine without a listener.
func ClosedPort(t *testing.T) string {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
