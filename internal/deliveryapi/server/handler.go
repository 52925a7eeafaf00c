// Package server answers the operator's API for people: what waits and what died, redriving,
// test messages, and why no message came. Who asks, and what they may, the API server says.
//
// handler.go has the way of a request, access.go who may what, limits.go every bound; each
// question has a file of its own.
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
	"github.com/travishook/travishook/internal/travis"
)

// Store is what the API needs of queue.Queue, beside what why.Sources has of it.
type Store interface {
	Redrive(ctx context.Context, q queue.Query) (int, error)
}

// Options of New. All are needed.
type Options struct {
	Cluster Cluster
	Sources why.Sources
	Store   Store
	// Try sends a test message; the note says what is not as it should be although it arrived.
	Try func(ctx context.Context, t queue.Target, e travis.Event) (note string, err error)
	// Ready is nil when the table is complete: before that, routes would seem not to be there.
	Ready func() error
	Clock cache.Clock
	Log   logr.Logger
}

// handler answers.
type handler struct {
	Options
	access *access
	slots  chan struct{}
}

// New returns a server with every bound set. It is given its listener, with TLS, by the caller.
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

// question answers one kind of request. It returns what becomes the JSON of the answer.
type question func(h *handler, c *caller, r *http.Request) (any, *refusal)

func newHandler(o Options) http.Handler {
	h := &handler{Options: o, access: newAccess(o.Cluster, o.Clock), slots: make(chan struct{}, maxUnderWay)}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.answer(w, r, nil, refuse(http.StatusNotFound, "there is nothing here"))
	})
	for path, q := range map[string]struct {
		method string
		ask    question
	}{
		deliveryapi.PathDeliveries: {http.MethodGet, (*handler).deliveries},
		deliveryapi.PathWhy:        {http.MethodGet, (*handler).why},
		deliveryapi.PathRedrive:    {http.MethodPost, (*handler).redrive},
		deliveryapi.PathTest:       {http.MethodPost, (*handler).test},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			result, no := h.ask(w, r, q.method, q.ask)
			h.answer(w, r, result, no)
		})
	}
	return mux
}

// ask takes a request through what all have in common: cheap refusals first.
func (h *handler) ask(w http.ResponseWriter, r *http.Request, method string, q question) (any, *refusal) {
	if r.Method != method {
		w.Header().Set("Allow", method)
		return nil, refuse(http.StatusMethodNotAllowed, "this is asked with %s", method)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, refuse(http.StatusTooManyRequests, "too many ask at once; try again")
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	c, no := h.access.identify(r)
	if no != nil {
		return nil, no
	}
	if err := h.Ready(); err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "the operator is starting; try again").because(err)
	}
	result, no := q(h, c, r)
	// What a request found out with too few answers is not told.
	if failed := c.refusal(); failed != nil {
		return nil, failed
	}
	return result, no
}

// answer writes what came of a request, and a line about it without anything of the token.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, result any, no *refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	code := http.StatusOK
	if no != nil {
		code, result = no.code, deliveryapi.Error{Message: no.message}
		if no.err != nil {
			h.Log.Error(no.err, "a question could not be answered", "reason", no.message)
		}
	}
	h.Log.V(1).Info("question answered", "path", r.Pattern, "code", code)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(result) // whoever asked may be gone
}

// refusal is an answer that says no.
type refusal struct {
	code    int
	message string
	err     error // for the log only
}

func refuse(code int, format string, args ...any) *refusal {
	return &refusal{code: code, message: fmt.Sprintf(format, args...)}
}

func (r *refusal) because(err error) *refusal {
	r.err = err
	return r
}

// forbidden says no to somebody who is known.
func (c *caller) forbidden(verb, what string) *refusal {
	return refuse(http.StatusForbidden, "%q may not %s %s", c.user.Username, verb, what)
}

// read decodes the body, one JSON object without fields that nobody knows.
func read(r *http.Request, into any) *refusal {
	body := json.NewDecoder(r.Body)
	body.DisallowUnknownFields()
	err := body.Decode(into)
	if err == nil && body.More() {
		err = errors.New("something follows the object")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the question is not what it should be: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// debugWriter takes what net/http has to say: broken connections and handshakes.
type debugWriter struct{ log logr.Logger }

func (w debugWriter) Write(line []byte) (int, error) {
	w.log.V(1).Info(strings.TrimSpace(string(line)))
	return len(line), nil
}
