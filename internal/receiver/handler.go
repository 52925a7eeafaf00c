package receiver

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Handler answers webhooks.
type Handler struct {
	Options
	slots, largeSlots chan struct{}
}

// NewHandler makes one.
func NewHandler(options Options) *Handler {
	return &Handler{
		Options:    options,
		slots:      make(chan struct{}, MaxUnderWay),
		largeSlots: make(chan struct{}, MaxLargeUnderWay),
	}
}

// exchange is one webhook on its way through the stages, and what they found out about it.
type exchange struct {
	w http.ResponseWriter
	r *http.Request

	began      time.Time
	proofs     []verify.Hash // as presented: in the path, in the header
	slug       string        // as the header spells it
	repository *routing.Repository
	keyless    bool
	payload    []byte
	signed     bool
	proven     []*routing.Namespace // that may hear it
	namespaces []*routing.Namespace // those of them that know it for the repository they mean
	seen       []string             // namespaces that have had it
	event      *travis.Event

	release []func() // of slots
}

// stages in their order: cheap refusals first, nothing decoded before it is proven. Each returns
// nil to go on.
var stages = []func(*Handler, *exchange) *answer{
	(*Handler).checkPath,
	(*Handler).checkMethod,
	(*Handler).checkContentType,
	(*Handler).checkSize,
	(*Handler).checkReady,
	(*Handler).lookUp,
	(*Handler).takeSlot,
	(*Handler).readPayload,
	(*Handler).checkSignature,
	(*Handler).checkProof,
	(*Handler).decode,
	(*Handler).checkAge,
	(*Handler).checkIdentity,
	(*Handler).store,
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r, began: h.Now(), slug: r.Header.Get(slugHeader)}
	a := h.receive(x)
	a.write(w)
	h.log(x, a)
	h.Observer.Answered(a.code, a.reason, h.Now().Sub(x.began))
	h.tell(x, a)
}

// tell tells what the webhook came to, so that people can ask why no message came of it.
func (h *Handler) tell(x *exchange, a *answer) {
	if x.slug == "" {
		return
	}
	h.Observer.Report(Report{
		At: x.began, Code: a.code, Reason: a.reason, Slug: x.slug, Proof: len(x.proofs) > 0,
		Repository: x.repository, Authorized: x.proven, Recipients: x.namespaces, Seen: x.seen, Event: x.event,
	})
}

// receive takes a webhook through the stages.
func (h *Handler) receive(x *exchange) (a *answer) {
	defer func() {
		for _, release := range x.release {
			release()
		}
		if p := recover(); p != nil { // a mistake of ours: never the sender's problem, never silent
			a = panicked.because(fmt.Errorf("panic of type %T at %s", p, debug.Stack()))
		}
	}()
	for _, stage := range stages {
		if a := stage(h, x); a != nil {
			return a
		}
	}
	return &stored
}

// log writes one line. No body, token, proof or path is ever in it.
func (h *Handler) log(x *exchange, a *answer) {
	fields := []any{"reason", a.reason, "client", h.client(x.r)}
	if x.slug != "" {
		fields = append(fields, "repository", printable(x.slug))
	}
	if x.event != nil {
		fields = append(fields, "build", x.event.Build.Number)
	}
	switch {
	case a.reason == ReasonStored:
		h.Log.Info("webhook stored", fields...)
	case a.reason == ReasonRedirected:
		h.Log.Info("webhook lost: "+adviceRedirected, fields...)
	case a.code == http.StatusNoContent:
		h.Log.Info("webhook has nobody to go to", fields...)
	case a.code == http.StatusServiceUnavailable:
		h.Log.Error(a.err, "webhook lost: it cannot be stored, and Travis does not send it again", fields...)
	default:
		if a.err != nil {
			fields = append(fields, "error", a.err.Error())
		}
		h.Log.Info("webhook refused", fields...)
	}
}

// printable makes a stranger's text fit for a log.
func printable(s string) string {
	if len(s) > maxSlug {
		s = s[:maxSlug] + "…"
	}
	if q := fmt.Sprintf("%+q", s); len(q) > len(s)+2 {
		return q[1 : len(q)-1]
	}
	return s
}
