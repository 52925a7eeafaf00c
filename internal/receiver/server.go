package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/certificate"
)

// ServerOptions of NewServer.
type ServerOptions struct {
	// Address to listen on, as host:port.
	Address string
	Handler http.Handler
	// CertFile and KeyFile make it serve HTTPS, and are reloaded when they change. Both are empty
	// for plain HTTP.
	CertFile, KeyFile string
	// Drain is how long it waits for requests in flight after it is told to stop.
	Drain time.Duration
	Log   logr.Logger
}

// Server is the HTTP server for webhooks.
type Server struct {
	options  ServerOptions
	http     *http.Server
	listener net.Listener
}

// NewServer returns a Server that does not listen yet. The error says what is wrong with the certificate.
func NewServer(options ServerOptions) (*Server, error) {
	s := &Server{options: options, http: &http.Server{
		Handler: options.Handler,
		// "OPTIONS *" is an unknown path, and not for net/http to answer.
		DisableGeneralOptionsHandler: true,

		ReadHeaderTimeout: HeaderTimeout,
		ReadTimeout:       2 * HeaderTimeout, // readPayload extends it while it reads a body
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ConnContext:       withConnection,
		ConnState:         changed,
		// A connection carries one webhook at a time, so that it counts for one client. Travis and
		// ingresses use HTTP/1.1 here.
		Protocols: http1(),
		ErrorLog:  log.New(debugWriter{options.Log}, "", 0),
	}}
	if options.CertFile == "" {
		return s, nil
	}
	get, err := certificate.Files("receiver", options.CertFile, options.KeyFile, options.Log)
	if err != nil {
		return nil, err
	}
	s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get}
	return s, nil
}

// Listen opens the port. The error says what to do.
func (s *Server) Listen() error {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", s.options.Address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen for webhooks on %s: another program uses the port; stop it, or choose another port", s.options.Address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("cannot listen for webhooks on %s: no permission for the port; choose one above 1023", s.options.Address)
	case err != nil:
		return fmt.Errorf("cannot listen for webhooks on %s: %w", s.options.Address, err)
	}
	s.listener = listener
	return nil
}

// http1 is HTTP/1 alone.
func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// Addr is the address that it listens on, after Listen.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until ctx ends, then drains. Listen must be called before. The error says
// why it stopped early, or that requests were cut off.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve webhooks: %w", err)
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Drain)
	defer cancel()
	err := s.http.Shutdown(draining)
	if err != nil {
		err = errors.Join(fmt.Errorf("webhooks were cut off after %s: %w", s.options.Drain, err), s.http.Close())
	}
	if accepting := <-failed; !errors.Is(accepting, http.ErrServerClosed) {
		err = errors.Join(err, accepting)
	}
	return err
}

// Close closes all connections, whatever they carry, and so ends a Serve that drains.
func (s *Server) Close() { _ = s.http.Close() }

func (s *Server) serve() error {
	listener := LimitConnections(s.listener, MaxConnections)
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(listener, "", "")
	}
	return s.http.Serve(listener)
}

// debugWriter logs net/http's errors, which strangers cause: broken connections and handshakes.
type debugWriter struct{ log logr.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.V(1).Info(strings.TrimSpace(string(line)))
	return len(line), nil
}
