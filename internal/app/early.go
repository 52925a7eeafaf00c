package app

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/receiver"
)

// startWait is how long a webhook waits for an operator that starts: longer than the process before takes to
// stop. Travis waits for a minute and never retries.
const startWait = 50 * time.Second

// closeDrain is how long requests may take to be answered if the start failed.
const closeDrain = time.Second

// earlyServer is the receiver's server. It serves from the process' start on, before the store is open and the
// routes are known: a webhook that arrives meanwhile waits, instead of being lost.
type earlyServer struct {
	server  *receiver.Server
	made    chan struct{} // closed when handler is set
	handler http.Handler  // the receiver's
	started chan struct{} // closed when the handler can accept webhooks
	start   func()        // closes started; may be called again

	serving context.Context
	stop    context.CancelFunc
	done    chan struct{} // closed when it has ended with err
	err     error
}

func newEarlyServer() *earlyServer {
	s := &earlyServer{made: make(chan struct{}), started: make(chan struct{}), done: make(chan struct{})}
	s.start = sync.OnceFunc(func() { close(s.started) })
	s.serving, s.stop = context.WithCancel(context.Background())
	return s
}

// listen listens and serves, until Serve's context ends or Close is called.
func (s *earlyServer) listen(options receiver.ServerOptions) error {
	options.Handler = s
	var err error
	if s.server, err = receiver.NewServer(options); err != nil {
		return err
	}
	if err := s.server.Listen(); err != nil {
		return err
	}
	go func() {
		defer close(s.done)
		s.err = s.server.Serve(s.serving)
	}()
	return nil
}

// Addr is the address that it listens on.
func (s *earlyServer) Addr() net.Addr { return s.server.Addr() }

// handle sets the handler, once. Webhooks wait until start is called.
func (s *earlyServer) handle(handler http.Handler) {
	s.handler = handler
	close(s.made)
}

// ServeHTTP implements http.Handler.
func (s *earlyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.started:
	default:
		s.await(r.Context())
	}
	select {
	case <-s.made:
		s.handler.ServeHTTP(w, r) // which answers 503 and says why, if it is not ready
	default:
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	}
}

// await waits for the start.
func (s *earlyServer) await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	select {
	case <-s.started:
	case <-s.serving.Done():
	case <-ctx.Done():
	}
}

// Serve serves until ctx ends, then drains.
func (s *earlyServer) Serve(ctx context.Context) error {
	select {
	case <-s.done:
	case <-ctx.Done():
		s.stop()
		<-s.done
	}
	return s.err
}

// Close ends a server that Serve did not drain, because the start failed. Webhooks that wait are answered, but nobody
// who keeps a connection open delays the exit, and with it the pod's next start.
func (s *earlyServer) Close() {
	s.stop()
	select {
	case <-s.done:
	case <-time.After(closeDrain):
		s.server.Close()
		<-s.done
	}
}
