package receiver

import (
	"errors"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/verify"
)

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

// checkSignature verifies that Travis signed the payload, except for keyless repositories. A valid
// signature also authorizes the namespaces that the cluster grants the repository.
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

// proves reports whether any presented proof matches. It compares all pairs, to take constant time.
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

// checkPayload uses the decoded payload, which is proven by now, and compares the header's slug with the
// payload's: only the latter was signed.
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

// checkAge drops events that are older than the store remembers.
func (h *Handler) checkAge(x *exchange) *answer {
	if x.event.IsStale(h.Now(), h.Settings.MaxAge) {
		return &stale
	}
	return nil
}
