package receiver

import (
	"net/http"

	"github.com/travishook/travishook/internal/travis"
)

// The reasons of answers, in logs and as a metric's label.
const (
	ReasonStored            = "stored"
	ReasonUnknownRepository = "unknown_repository"
	ReasonNotSetUp          = "not_set_up"
	ReasonUnrouted          = "unrouted"
	ReasonSeen              = "seen"
	ReasonStale             = "stale"
	ReasonNotForm           = "not_form"
	ReasonHeader            = "header"
	ReasonNoSlug            = "no_slug"
	ReasonBody              = "body"
	ReasonNoPayload         = "no_payload"
	ReasonPayload           = "payload"
	ReasonSlugDiffers       = "slug_differs"
	ReasonNoSignature       = "no_signature"
	ReasonWrongSignature    = "wrong_signature"
	ReasonNoProof           = "no_proof"
	ReasonWrongProof        = "wrong_proof"
	ReasonOtherRepository   = "other_repository"
	ReasonUnresolved        = "unresolved_repository"
	ReasonPath              = "path"
	ReasonMethod            = "method"
	ReasonRedirected        = "redirected"
	ReasonTooSlow           = "too_slow"
	ReasonTooLarge          = "too_large"
	ReasonJSON              = "json"
	ReasonCompressed        = "compressed"
	ReasonNotReady          = "not_ready"
	ReasonBusy              = "busy"
	ReasonStoreFull         = "store_full"
	ReasonStoreShare        = "store_share"
	ReasonStoreUnavailable  = "store_unavailable"
	ReasonPanic             = "panic"
)

// answer is the response to a request: a status and one line of text. The reason is for logs and metrics.
type answer struct {
	code   int
	reason string
	line   string
	err    error // for the log only
}

// because adds an error that is only logged.
func (a answer) because(err error) *answer {
	a.err = err
	return &a
}

// saying replaces the line.
func (a answer) saying(line string) *answer {
	a.line = line
	return &a
}

// write sends the answer.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if a.code == http.StatusMethodNotAllowed {
		h.Set("Allow", http.MethodPost)
	}
	if a.line == "" {
		w.WriteHeader(a.code)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(a.code)
	_, _ = w.Write([]byte(a.line + "\n")) // the sender may have disconnected
}

// The answers. Before a webhook is proven, the answer does not reveal what was wrong.
var (
	stored = answer{code: http.StatusAccepted, reason: ReasonStored, line: "stored"}

	unknownRepository = answer{code: http.StatusNoContent, reason: ReasonUnknownRepository}
	notSetUp          = answer{code: http.StatusNoContent, reason: ReasonNotSetUp}
	unrouted          = answer{code: http.StatusNoContent, reason: ReasonUnrouted}
	seen              = answer{code: http.StatusNoContent, reason: ReasonSeen}
	stale             = answer{code: http.StatusNoContent, reason: ReasonStale}

	notForm     = answer{code: http.StatusBadRequest, reason: ReasonNotForm, line: "the Content-Type must be application/x-www-form-urlencoded"}
	noSlug      = answer{code: http.StatusBadRequest, reason: ReasonNoSlug, line: "the Travis-Repo-Slug header is missing"}
	repeated    = answer{code: http.StatusBadRequest, reason: ReasonHeader, line: "a header is repeated: Content-Type, Travis-Repo-Slug, Signature and Authorization may occur only once"}
	badSlug     = answer{code: http.StatusBadRequest, reason: ReasonHeader, line: "the Travis-Repo-Slug header is not " + travis.SlugRule}
	brokenBody  = answer{code: http.StatusBadRequest, reason: ReasonBody, line: "the body ends early or is not form-encoded"}
	noPayload   = answer{code: http.StatusBadRequest, reason: ReasonNoPayload, line: "the form must have exactly one field payload"}
	badPayload  = answer{code: http.StatusBadRequest, reason: ReasonPayload}
	slugDiffers = answer{code: http.StatusBadRequest, reason: ReasonSlugDiffers, line: "the Travis-Repo-Slug header differs from the payload's repository"}

	noSignature     = answer{code: http.StatusUnauthorized, reason: ReasonNoSignature, line: "proof is required"}
	noProof         = answer{code: http.StatusUnauthorized, reason: ReasonNoProof, line: "proof is required"}
	wrongSignature  = answer{code: http.StatusForbidden, reason: ReasonWrongSignature, line: "refused"}
	wrongProof      = answer{code: http.StatusForbidden, reason: ReasonWrongProof, line: "refused"}
	otherRepository = answer{code: http.StatusForbidden, reason: ReasonOtherRepository, line: "refused"}

	otherPath   = answer{code: http.StatusNotFound, reason: ReasonPath, line: "not found"}
	otherMethod = answer{code: http.StatusMethodNotAllowed, reason: ReasonMethod, line: "webhooks must be posted"}
	redirected  = answer{code: http.StatusMethodNotAllowed, reason: ReasonRedirected, line: "webhooks must be posted; a redirect turned this one into a GET without its event"}
	tooLarge    = answer{code: http.StatusRequestEntityTooLarge, reason: ReasonTooLarge, line: "the body is larger than 128 MiB"}
	tooSlow     = answer{code: http.StatusRequestTimeout, reason: ReasonTooSlow, line: "the body arrives too slowly"}
	isJSON      = answer{code: http.StatusUnsupportedMediaType, reason: ReasonJSON, line: "this is JSON, which Travis sends unsigned if .travis.yml has \"msteams: true\": remove that line from notifications.webhooks"}
	compressed  = answer{code: http.StatusUnsupportedMediaType, reason: ReasonCompressed, line: "the body must not be compressed"}

	notReady         = answer{code: http.StatusServiceUnavailable, reason: ReasonNotReady, line: "not ready"}
	unresolved       = answer{code: http.StatusServiceUnavailable, reason: ReasonUnresolved, line: "cannot identify the repository"}
	busy             = answer{code: http.StatusServiceUnavailable, reason: ReasonBusy, line: "too many webhooks at once"}
	storeFull        = answer{code: http.StatusServiceUnavailable, reason: ReasonStoreFull, line: "cannot store"}
	shareUsed        = answer{code: http.StatusServiceUnavailable, reason: ReasonStoreShare, line: "cannot store"}
	storeUnavailable = answer{code: http.StatusServiceUnavailable, reason: ReasonStoreUnavailable, line: "cannot store"}
	panicked         = answer{code: http.StatusServiceUnavailable, reason: ReasonPanic, line: "cannot store"}
)

// Answers calls visit with the status code and reason of every answer that the receiver gives.
func Answers(visit func(code int, reason string)) {
	for _, a := range []answer{
		stored, unknownRepository, notSetUp, unrouted, seen, stale,
		notForm, noSlug, repeated, brokenBody, noPayload, badPayload, slugDiffers,
		noSignature, noProof, wrongSignature, wrongProof, otherRepository,
		otherPath, otherMethod, redirected, tooLarge, tooSlow, isJSON, compressed,
		notReady, unresolved, busy, storeFull, shareUsed, storeUnavailable, panicked,
	} {
		visit(a.code, a.reason)
	}
}
