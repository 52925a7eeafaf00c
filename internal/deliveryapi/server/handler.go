// Package server serves the operator's API: deliveries, redriving, test messages, and why a message was
// delivered or not. The API server authenticates and authorizes the callers.
//
// handler.go has the way of a request, access.go authentication and authorization, limits.go every bound;
// each endpoint has a file of its own.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/cache"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
)

// Options of New. All are needed.
type Options struct {
	Cluster Cluster
	Sources why.Sources
	// Redrive puts dead letters back to work. See queue.Queue.
	Redrive func(ctx context.Context, q queue.Query) (int, error)
	// SendTest sends a test message to each channel of a route. The error says why it may not be tested
	// now.
	SendTest func(ctx context.Context, route *routing.Route) ([]record.TestResult, error)
	// Ready is nil once the routing table is complete. Before that, routes would seem to be missing.
	Ready func() error
	// Version of the operator.
	Version string
	Clock   cache.Clock
	Log     logr.Logger
}

// handler handles requests.
type handler struct {
	Options
	access *access
	slots  chan struct{}
}

// New returns a server with every bound set. The caller provides the listener, with TLS.
func New(o Options) *http.Server {
	return &http.Server{
		Handler:           newHandler(o),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ErrorLog:          log.New(debugWriter{o.Log}, "", 0),
	}
}

// endpoint handles one kind of request. It returns what is encoded as JSON.
type endpoint func(h *handler, c *caller, r *http.Request) (any, *failure)

func newHandler(o Options) http.Handler {
	h := &handler{Options: o, access: newAccess(o.Cluster, o.Clock), slots: make(chan struct{}, maxUnderWay)}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.respond(w, r, nil, fail(http.StatusNotFound, "unknown path"))
	})
	for path, q := range map[string]struct {
		method string
		handle endpoint
	}{
		deliveryapi.PathDeliveries: {http.MethodGet, (*handler).deliveries},
		deliveryapi.PathWhy:        {http.MethodGet, (*handler).why},
		deliveryapi.PathRedrive:    {http.MethodPost, (*handler).redrive},
		deliveryapi.PathTest:       {http.MethodPost, (*handler).test},
		deliveryapi.PathVersion:    {http.MethodGet, (*handler).version},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			result, failed := h.handle(w, r, q.method, q.handle)
			h.respond(w, r, result, failed)
		})
	}
	return mux
}

// handle does what all endpoints have in common, the cheap checks first. A caller is authenticated
// before a slot is taken, so that unknown ones cannot use up the slots.
func (h *handler) handle(w http.ResponseWriter, r *http.Request, method string, e endpoint) (any, *failure) {
	if r.Method != method {
		w.Header().Set("Allow", method)
		return nil, fail(http.StatusMethodNotAllowed, "the method must be %s", method)
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c, failed := h.access.authenticate(r)
	if failed != nil {
		return nil, failed
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, fail(http.StatusTooManyRequests, "too many requests at once; try again")
	}
	if err := h.Ready(); err != nil {
		return nil, fail(http.StatusServiceUnavailable, "the operator is starting; try again").because(err)
	}
	result, failed := e(h, c, r)
	// A result that is based on incomplete access reviews is withheld.
	if incomplete := c.failure(); incomplete != nil {
		return nil, incomplete
	}
	return result, failed
}

// respond writes the response and logs it, without anything of the token.
func (h *handler) respond(w http.ResponseWriter, r *http.Request, result any, failed *failure) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	code := http.StatusOK
	if failed != nil {
		code, result = failed.code, deliveryapi.Error{Message: failed.message}
		if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "1") // the plugin repeats what only reads
		}
		if failed.err != nil {
			h.Log.Error(failed.err, "API request failed", "path", r.Pattern, "reason", failed.message)
		}
	}
	h.Log.V(1).Info("API request", "path", r.Pattern, "code", code)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(result) // the client may be gone
}

// version handles PathVersion.
func (h *handler) version(*caller, *http.Request) (any, *failure) {
	return deliveryapi.Version{Version: h.Version}, nil
}

// failure is the response to a request that fails.
type failure struct {
	code    int
	message string
	err     error // for the log only
}

func fail(code int, format string, args ...any) *failure {
	return &failure{code: code, message: fmt.Sprintf(format, args...)}
}

func (f *failure) because(err error) *failure {
	f.err = err
	return f
}

// forbidden is the response to an authenticated caller without the right.
func (c *caller) forbidden(verb, what string) *failure {
	return fail(http.StatusForbidden, "%q may not %s %s", c.user.Username, verb, what)
}

// decode decodes the body: one JSON object without unknown fields.
func decode(r *http.Request, into any) *failure {
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields()
	err := body.Decode(into)
	if err == nil && body.More() {
		err = errors.New("data after the object")
	}
	if err != nil {
		return fail(http.StatusBadRequest, "invalid request: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// debugWriter logs what net/http reports: broken connections and handshakes.
type debugWriter struct{ log logr.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.V(1).Info(strings.TrimSpace(string(line)))
	return len(line), nil
}
