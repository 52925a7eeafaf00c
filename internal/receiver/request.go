package receiver

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// The User-Agent of Travis' sender, and the header in which it names the repository.
const (
	travisAgent = "Travis CI Notifications"
	slugHeader  = "Travis-Repo-Slug"
)

const adviceRedirected = "Travis was redirected, which turned the webhook into a GET without the event; remove the redirect in front of the webhook's path, or use its target as the webhook URL in .travis.yml"

// checkPath accepts the prefix, alone or with a proof as one more segment. Doubled and trailing slashes
// and percent-encoding make no difference.
func (h *Handler) checkPath(x *exchange) *answer {
	rest, ok := strings.CutPrefix(path.Clean(x.r.URL.Path), h.Settings.PathPrefix)
	if !ok || (rest != "" && rest[0] != '/') {
		return &otherPath
	}
	proof := strings.TrimPrefix(rest, "/")
	if strings.Contains(proof, "/") {
		return &otherPath
	}
	for _, p := range []string{proof, x.r.Header.Get("Authorization")} {
		if p != "" {
			x.proofs = append(x.proofs, verify.HashProof(p))
		}
	}
	return nil
}

// checkMethod accepts POST. A GET from Travis is a webhook after a redirect. It is reported only to
// namespaces whose token the sender knows, because anyone can send a GET.
func (h *Handler) checkMethod(x *exchange) *answer {
	if x.r.Method == http.MethodPost {
		return nil
	}
	if x.r.Method != http.MethodGet || !strings.HasPrefix(x.r.UserAgent(), travisAgent) {
		return &otherMethod
	}
	if h.authorizeByProof(x); len(x.authorized) > 0 {
		h.notice(x.repository, x.authorized, ReasonRedirected, adviceRedirected)
	}
	return &redirected
}

// authorizeByProof finds the namespaces whose token the sender knows.
func (h *Handler) authorizeByProof(x *exchange) {
	var known bool
	if x.repository, known = h.Lookup(x.slug); !known {
		return
	}
	for _, n := range x.repository.Namespaces {
		if proves(x.proofs, n.Proofs) {
			x.authorized = append(x.authorized, n)
		}
	}
}

// singleHeaders must not be repeated: a proxy on the way might use the other one.
var singleHeaders = []string{"Content-Type", slugHeader, "Signature", "Authorization"}

// checkRepeated refuses repeated headers.
func (h *Handler) checkRepeated(x *exchange) *answer {
	for _, name := range singleHeaders {
		if len(x.r.Header.Values(name)) > 1 {
			return &repeated
		}
	}
	return nil
}

// checkContentType accepts a URL-encoded form.
func (h *Handler) checkContentType(x *exchange) *answer {
	kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch {
	case kind == "application/json":
		h.authorizeByProof(x)
		return &isJSON
	case err != nil || kind != "application/x-www-form-urlencoded":
		return &notForm
	case !strings.EqualFold(x.r.Header.Get("Content-Encoding"), "identity") && x.r.Header.Get("Content-Encoding") != "":
		return &compressed
	}
	return nil
}

// checkSize checks the size that the sender declares; readPayload counts.
func (h *Handler) checkSize(x *exchange) *answer {
	if x.r.ContentLength > MaxBody {
		return &tooLarge
	}
	return nil
}

// checkReady comes before the lookup, because an incomplete table lacks repositories.
func (h *Handler) checkReady(*exchange) *answer {
	if err := h.Ready(); err != nil {
		return notReady.because(err)
	}
	return nil
}

// lookUp refuses repositories that no route declares, and those for which nothing can be proven yet.
func (h *Handler) lookUp(x *exchange) *answer {
	switch {
	case x.slug == "":
		return &noSlug
	case !travis.IsSlug(x.slug):
		return &badSlug
	}
	if h.authorizeByProof(x); x.repository == nil {
		return &unknownRepository
	}
	x.keyless = h.Settings.Keyless.Match(x.slug)
	if (h.Keys().Empty() && !x.keyless) || !anySetUp(x.repository.Namespaces) {
		return &notSetUp
	}
	return nil
}

// anySetUp reports whether some namespace has a token or a grant.
func anySetUp(namespaces []*routing.Namespace) bool {
	for _, n := range namespaces {
		if n.SignatureOnly || len(n.Proofs) > 0 {
			return true
		}
	}
	return false
}

// checkHeaders refuses, before the body is read, webhooks that cannot be valid: without a signature if the
// repository needs one, and without a proof if only the token can authorize it.
func (h *Handler) checkHeaders(x *exchange) *answer {
	signature, err := verify.ParseSignature(x.r.Header.Get("Signature"))
	if err == nil && !h.Keys().Has(x.slug) {
		err = verify.ErrNoKey
	}
	switch {
	case err == nil:
		x.signature = signature
	case x.keyless: // a malformed proof counts as none
	case errors.Is(err, verify.ErrUnsigned):
		return noSignature.because(err)
	default:
		return wrongSignature.because(err)
	}
	return h.checkProof(x)
}

// checkProof continues if the sender knows the token of some namespace, or if the signature alone can
// authorize one.
func (h *Handler) checkProof(x *exchange) *answer {
	granted := slices.ContainsFunc(x.repository.Namespaces, func(n *routing.Namespace) bool { return n.SignatureOnly })
	if len(x.authorized) > 0 || (granted && x.signature != nil) {
		return nil
	}
	return x.unproven()
}

// unproven returns the answer to a webhook that no namespace is authorized for.
func (x *exchange) unproven() *answer {
	if len(x.proofs) == 0 {
		return &noProof
	}
	return &wrongProof
}

// proves reports whether any presented proof matches. It compares all pairs, to take constant time.
func proves(presented []verify.Hash, kept []verify.Hash) bool {
	found := false
	for _, p := range presented {
		for _, k := range kept {
			if verify.Matches(p, k) {
				found = true
			}
		}
	}
	return found
}
