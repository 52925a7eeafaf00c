package receiver

import (
	"fmt"
	"hash"
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
	reading  *shares       // memory of webhooks that are being read
	decoders chan struct{} // places for decoding large bodies
	slots    chan struct{} // places for proven webhooks
}

// NewHandler returns a Handler.
func NewHandler(options Options) *Handler {
	return &Handler{
		Options:  options,
		reading:  newShares(MaxReading),
		decoders: newDecoders(),
		slots:    make(chan struct{}, MaxUnderWay),
	}
}

// exchange is one webhook with the results of the stages so far.
type exchange struct {
	w http.ResponseWriter
	r *http.Request

	began      time.Time
	proofs     []verify.Hash // as presented: in the path, in the header
	slug       string        // as the header spells it
	repository *routing.Repository
	keyless    bool // needs no signature
	signature  verify.Signature
	key        string // that made the signature, by name

	digest      hash.Hash // of the payload
	decoded     *travis.Event
	undecodable error // why decoded is nil

	authorized []*routing.Namespace // for the repository
	recipients []*routing.Namespace // those of them that the id matches
	event      *travis.Event        // decoded, once it is proven
	seen       []string             // namespaces that already have the event
	refused    map[string]string    // namespaces that it was not stored for, and why
	// transitions compare the build with the one before it, by namespace.
	transitions map[string]*travis.Transition

	release []func() // of slots
}

// stages in their order: cheap checks come first, and nothing in a payload is used before it is proven.
// Each stage returns an answer, or nil to continue.
var stages = []func(*Handler, *exchange) *answer{
	(*Handler).checkPath,
	(*Handler).checkMethod,
	(*Handler).checkRepeated,
	(*Handler).checkContentType,
	(*Handler).checkSize,
	(*Handler).checkReady,
	(*Handler).lookUp,
	(*Handler).checkHeaders,
	(*Handler).readPayload,
	(*Handler).checkSignature,
	(*Handler).checkPayload,
	(*Handler).checkAge,
	(*Handler).takeSlot,
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
	h.report(x, a)
}

// report passes the outcome to the observer, for kubectl travis why.
func (h *Handler) report(x *exchange, a *answer) {
	if x.slug == "" {
		return
	}
	h.Observer.Report(Report{
		At: x.began, Code: a.code, Reason: a.reason, Slug: x.slug, Proof: len(x.proofs) > 0,
		Repository: x.repository, Authorized: x.authorized, Recipients: x.recipients, Seen: x.seen, Refused: x.refused, Event: x.event,
		Transitions: x.transitions,
	})
}

// receive takes a webhook through the stages.
func (h *Handler) receive(x *exchange) (a *answer) {
	defer func() {
		for _, release := range x.release {
			release()
		}
		if p := recover(); p != nil { // a bug: answered 503 and logged
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

// log writes one line. It holds no body, token, proof or path.
func (h *Handler) log(x *exchange, a *answer) {
	fields := []any{"reason", a.reason, "client", clientName(h.client(x.r))}
	if x.slug != "" {
		fields = append(fields, "repository", printable(x.slug))
	}
	if x.event != nil {
		fields = append(fields, "build", x.event.Build.Number)
	}
	switch {
	case a.err != nil && a.code < http.StatusBadRequest:
		h.Log.Error(a.err, "webhook stored for some namespaces only", fields...)
	case a.reason == ReasonStored:
		h.Log.Info("webhook stored", fields...)
	case a.reason == ReasonRedirected:
		h.Log.Info("webhook lost to a redirect", append(fields, "advice", adviceRedirected)...)
	case a.code == http.StatusNoContent:
		h.Log.Info("webhook dropped", fields...)
	case a.code == http.StatusServiceUnavailable:
		h.Log.Error(a.err, "webhook lost", fields...)
	default:
		if a.err != nil {
			fields = append(fields, "error", a.err.Error())
		}
		h.Log.Info("webhook refused", fields...)
	}
}

// printable makes a stranger's text safe for a log.
func printable(s string) string {
	if len(s) > travis.MaxSlug {
		s = s[:travis.MaxSlug] + "…"
	}
	if q := fmt.Sprintf("%+q", s); len(q) > len(s)+2 {
		return q[1 : len(q)-1]
	}
	return s
}

// notice reports a notice to namespaces.
func (h *Handler) notice(repository *routing.Repository, namespaces []*routing.Namespace, reason, message string) {
	for _, n := range namespaces {
		h.Observer.Noticed(n.Name, repository.Slug, reason, message)
	}
}
