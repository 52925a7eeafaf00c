package receiver

import (
	"errors"
	"strings"

	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// checkSignature asks whether Travis wrote this. Only a keyless repository may do without, and
// then a signature that happens to be there counts if it is right and is ignored if not.
func (h *Handler) checkSignature(x *exchange) *answer {
	signature := x.r.Header.Get("Signature")
	_, err := h.Keys().Verify(x.slug, x.payload, signature)
	x.signed = err == nil
	switch {
	case x.signed || x.keyless:
		return nil
	case signature == "":
		return noSignature.because(err)
	}
	return wrongSignature.because(err)
}

// checkProof asks which namespaces may hear it: those whose token the sender knows, and those that
// the cluster grants the repository on the signature alone.
func (h *Handler) checkProof(x *exchange) *answer {
	for _, n := range x.repository.Namespaces {
		if (n.SignatureOnly && x.signed) || proves(x.proofs, n.Proofs) {
			x.proven = append(x.proven, n)
		}
	}
	x.namespaces = x.proven
	switch {
	case len(x.proven) > 0:
		return nil
	case len(x.proofs) == 0:
		return &noProof
	}
	return &wrongProof
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

// decode reads the payload, and holds the header to the slug inside it: only that one was signed.
func (h *Handler) decode(x *exchange) *answer {
	event, err := travis.Decode(x.payload)
	if err != nil {
		return badPayload.saying(err.Error()).because(err)
	}
	if strings.ToLower(event.Repository.Slug()) != x.repository.Slug {
		return slugDiffers.because(errors.New("the payload is of another repository"))
	}
	x.event = event
	return nil
}

// checkAge drops what is no news any more: beyond the age limit a replay is no longer remembered.
func (h *Handler) checkAge(x *exchange) *answer {
	if x.event.IsStale(h.Now(), h.Settings.MaxAge) {
		return &stale
	}
	return nil
}
