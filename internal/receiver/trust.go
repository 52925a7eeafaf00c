package receiver

import (
	"errors"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/verify"
)

// checkHeaders refuses, before the body is read, what no body can make right: a repository that needs
// a signature without one, and one where only a token counts without the proof of it.
func (h *Handler) checkHeaders(x *exchange) *answer {
	signature, err := verify.ParseSignature(x.r.Header.Get("Signature"))
	if err == nil && !h.Keys().Has(x.slug) {
		err = verify.ErrNoKey
	}
	switch {
	case err == nil:
		x.signature = signature
	case x.keyless: // one that cannot be right is as good as none
	case errors.Is(err, verify.ErrUnsigned):
		return noSignature.because(err)
	default:
		return wrongSignature.because(err)
	}
	return h.checkProof(x)
}

// checkProof goes on if the sender knows the token of some namespace, or if the signature alone can
// authorize one.
func (h *Handler) checkProof(x *exchange) *answer {
	granted := slices.ContainsFunc(x.repository.Namespaces, func(n *routing.Namespace) bool { return n.SignatureOnly })
	if len(x.authorized) > 0 || (granted && x.signature != nil) {
		return nil
	}
	return x.unproven()
}

// unproven is the answer to a webhook that no namespace is authorized for.
func (x *exchange) unproven() *answer {
	if len(x.proofs) == 0 {
		return &noProof
	}
	return &wrongProof
}

// checkSignature verifies that Travis wrote the payload. Only a keyless repository may do without. A
// right signature also authorizes the namespaces that the cluster grants the repository.
func (h *Handler) checkSignature(x *exchange) *answer {
	err := verify.ErrUnsigned
	if x.signature != nil {
		x.key, err = h.Keys().VerifyDigest(x.slug, x.digest.Sum(nil), x.signature)
	}
	signed := err == nil
	if !signed && !x.keyless {
		return wrongSignature.because(err)
	}
	x.authorized = slices.DeleteFunc(slices.Clone(x.repository.Namespaces), func(n *routing.Namespace) bool {
		return !(n.SignatureOnly && signed) && !slices.Contains(x.authorized, n)
	})
	if len(x.authorized) == 0 {
		return x.unproven()
	}
	x.recipients = x.authorized
	if !keepConnection(x.r) {
		return busy.because(errRevoked)
	}
	return nil
}

// proves compares every pair, whichever matches.
func proves(presented []verify.Hash, kept []routing.ProofHash) bool {
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

// checkPayload takes what the payload was decoded to, now that it is proven, and holds the header to
// the slug inside it: only that one was signed.
func (h *Handler) checkPayload(x *exchange) *answer {
	if x.undecodable != nil {
		return badPayload.saying(x.undecodable.Error()).because(x.undecodable)
	}
	if strings.ToLower(x.decoded.Repository.Slug()) != x.repository.Slug {
		return slugDiffers.because(errors.New("the payload is of another repository"))
	}
	x.event = x.decoded
	return nil
}

// checkAge drops what is older than the store remembers having seen.
func (h *Handler) checkAge(x *exchange) *answer {
	if x.event.IsStale(h.Now(), h.Settings.MaxAge) {
		return &stale
	}
	return nil
}
