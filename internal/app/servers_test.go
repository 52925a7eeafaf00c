package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// One client that keeps idle connections cannot take all files and memory, and locks nobody out.
func TestIdleConnectionsToOtherServersAreLimited(t *testing.T) {
	s := &servers{}
	address, err := s.listen("metrics", "127.0.0.1:0", nil, newServer(http.NotFoundHandler()))
	if err != nil {
		t.Fatal(err)
	}
	one := s.all[0]
	served := make(chan error, 1)
	go func() { served <- one.Server.Serve(one.Listener) }()
	defer func() {
		if err := errors.Join(one.Server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	var first net.Conn
	for i := range maxConnections + 1 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if first == nil {
			first = conn
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 12)); err != nil {
			t.Fatalf("connection %d is not served: %v", i, err)
		}
	}
	if err := first.SetReadDeadline(time.Now().Add(idleTimeout / 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, first); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the oldest connection is kept")
	}
}

// The readiness probe says why the operator is not ready.
func TestReadinessProbeNamesTheReason(t *testing.T) {
	p := &pipeline{holds: func() bool { return false }}
	probe := func(target string) (int, string) {
		w := httptest.NewRecorder()
		probes(p).Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		return w.Code, w.Body.String()
	}
	for _, target := range []string{"/readyz", "/readyz?verbose"} {
		status, body := probe(target)
		if want := "[-]ready failed: the routing table is not complete yet\n"; status != http.StatusInternalServerError || body != want {
			t.Errorf("%s answers %d %q, want 500 %q", target, status, body, want)
		}
	}
	if status, body := probe("/healthz?verbose"); status != http.StatusOK || body != "[+]alive ok\n" {
		t.Errorf("/healthz?verbose answers %d %q", status, body)
	}
}
