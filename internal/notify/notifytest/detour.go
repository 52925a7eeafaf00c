package notifytest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

// Listen starts an HTTP server for the test and returns its host:port.
func Listen(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Detour returns the shared client, which sends the HTTPS requests for hosts to a stand-in's host:port
// instead. It refuses any other request.
func Detour(to string, hosts ...string) *http.Client {
	c := notify.NewClient(notify.Options{UserAgent: "travishook/test"})
	c.Transport = &detour{next: c.Transport, to: to, hosts: hosts}
	return c
}

type detour struct {
	next  http.RoundTripper
	to    string
	hosts []string
}

// RoundTrip implements http.RoundTripper.
func (d *detour) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !slices.Contains(d.hosts, req.URL.Host) {
		return nil, errors.New("a request that is not for the service")
	}
	req = req.Clone(req.Context())
	req.Host = req.URL.Host
	req.URL = &url.URL{Scheme: "http", Host: d.to, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	return d.next.RoundTrip(req)
}

// CloseIdleConnections implements the optional interface of http.Client.CloseIdleConnections.
func (d *detour) CloseIdleConnections() {
	if c, ok := d.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
