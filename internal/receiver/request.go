package receiver

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/verify"
)

// What Travis' sender calls itself, and the header in which it names the repository.
const (
	travisAgent = "Travis CI Notifications"
	slugHeader  = "Travis-Repo-Slug"
)

const adviceRedirected = "Travis was redirected, and a redirect makes a GET without the event of it; let no redirect stand in front of the webhook's path, or write the URL that it leads to into .travis.yml"

// checkPath takes the prefix, alone or with a proof as one more segment.
func (h *Handler) checkPath(x *exchange) *answer {
	rest, ok := strings.CutPrefix(x.r.URL.Path, h.Settings.PathPrefix)
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

// checkMethod takes POST. A GET from Travis itself is what a redirect leaves of a webhook.
func (h *Handler) checkMethod(x *exchange) *answer {
	if x.r.Method == http.MethodPost {
		return nil
	}
	if x.r.Method != http.MethodGet || !strings.HasPrefix(x.r.UserAgent(), travisAgent) {
		return &otherMethod
	}
	if repository, ok := h.Lookup(x.slug); ok {
		h.notice(repository, repository.Namespaces, ReasonRedirected, adviceRedirected)
	}
	return &redirected
}

// checkContentType takes a plain form.
func (h *Handler) checkContentType(x *exchange) *answer {
	kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch {
	case kind == "application/json":
		return &isJSON
	case err != nil || kind != "application/x-www-form-urlencoded":
		return &notForm
	case !strings.EqualFold(x.r.Header.Get("Content-Encoding"), "identity") && x.r.Header.Get("Content-Encoding") != "":
		return &compressed
	}
	return nil
}

// checkSize looks at what the sender tells; readPayload counts.
func (h *Handler) checkSize(x *exchange) *answer {
	if x.r.ContentLength > MaxBody {
		return &tooLarge
	}
	return nil
}

// checkReady comes before the table is asked, because one that is incomplete knows nobody.
func (h *Handler) checkReady(*exchange) *answer {
	if err := h.Ready(); err != nil {
		return notReady.because(err)
	}
	return nil
}

// lookUp refuses repositories that nobody declared, by the header and so without reading on, as
// TravisHook did; and those for which nothing can be proven yet.
func (h *Handler) lookUp(x *exchange) *answer {
	if x.slug == "" {
		return &noSlug
	}
	repository, ok := h.Lookup(x.slug)
	if !ok {
		return &unknownRepository
	}
	x.repository = repository
	x.keyless = h.Settings.Keyless.Match(x.slug)
	if (h.Keys().Empty() && !x.keyless) || !anySetUp(repository.Namespaces) {
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

// takeSlot bounds how many are under way from here on.
func (h *Handler) takeSlot(x *exchange) *answer {
	wanted := []chan struct{}{h.slots}
	if size := x.r.ContentLength; size < 0 || size > LargeBody {
		wanted = append(wanted, h.largeSlots)
	}
	patience := time.NewTimer(SlotWait)
	defer patience.Stop()
	for _, slots := range wanted {
		select {
		case slots <- struct{}{}:
			x.release = append(x.release, func() { <-slots })
		case <-patience.C:
			return &busy
		case <-x.r.Context().Done():
			return &busy
		}
	}
	return nil
}
