package receiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/identity"
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

// checkIdentity compares a repository's id with the known one, because a released name can be taken over
// by another owner, and the same name can exist at another provider.
func (h *Handler) checkIdentity(x *exchange) *answer {
	ctx, cancel := h.storing(x)
	defer cancel()
	var same []*routing.Namespace
	var refused *answer
	for _, n := range x.authorized {
		err := h.identify(ctx, x, n)
		switch {
		case err == nil:
			same = append(same, n)
		case errors.Is(err, identity.ErrOther), errors.Is(err, identity.ErrUnresolved):
			h.notice(x.repository, []*routing.Namespace{n}, ReasonOtherRepository, err.Error())
			refused = identityAnswer(err)
		default:
			return storeUnavailable.because(err)
		}
	}
	x.recipients = same
	if len(same) == 0 {
		return refused
	}
	return nil
}

// identityAnswer returns the answer to an event whose id matches no namespace's. If Travis' API was
// needed and did not answer, it is 503, because that is not the sender's fault.
func identityAnswer(err error) *answer {
	if errors.Is(err, identity.ErrUnresolved) && errors.Is(err, identity.ErrUnavailable) {
		return unresolved.because(err)
	}
	return otherRepository.because(err)
}

// identify returns nil if the event is of the namespace's repository: its id equals the one that the
// namespace's routes pin, else the remembered one, else the one that is resolved now and then remembered.
// If the sender knows the namespace's token, the first event's id is accepted.
func (h *Handler) identify(ctx context.Context, x *exchange, n *routing.Namespace) error {
	if n.RepositoryID != 0 {
		return sameID(x, identity.Record{ID: n.RepositoryID, Source: identity.Spec})
	}
	if known, ok := identity.Get(h.Values, n.Name, x.repository.Slug); ok {
		return sameID(x, known)
	}
	return h.pin(ctx, x, n)
}

// pin resolves and remembers the id of a repository with the namespace's first event of it.
func (h *Handler) pin(ctx context.Context, x *exchange, n *routing.Namespace) error {
	first := identity.Record{ID: x.event.Repository.ID, Source: identity.FirstEvent}
	knowsToken := proves(x.proofs, n.Proofs)
	if !knowsToken {
		var err error
		if first, err = h.Identity.Resolve(ctx, x.key, x.event); err != nil {
			return err
		}
	}
	pinned, err := identity.Pin(ctx, h.Values, n.Name, x.repository.Slug, first)
	if err != nil {
		return err
	}
	if !knowsToken {
		h.notice(x.repository, []*routing.Namespace{n}, NoticeRepositoryID, fmt.Sprintf(
			"%s is bound to the repository with the id %d, from %s", x.event.Repository.Slug(), pinned.ID, pinned.Source.Words()))
	}
	return sameID(x, pinned)
}

// NoticeRepositoryID is the reason of the notice that says where a repository's id is from.
const NoticeRepositoryID = "repository_id"

// sameID returns nil if the event has the known id.
func sameID(x *exchange, known identity.Record) error {
	if known.ID == x.event.Repository.ID {
		return nil
	}
	return fmt.Errorf("%w: in this namespace %s has the id %d (from %s), and the event has the id %d; if the new one is right, set spec.repositoryID to it",
		identity.ErrOther, x.event.Repository.Slug(), known.ID, known.Source, x.event.Repository.ID)
}

// notice reports a notice to namespaces.
func (h *Handler) notice(repository *routing.Repository, namespaces []*routing.Namespace, reason, message string) {
	for _, n := range namespaces {
		h.Observer.Noticed(n.Name, repository.Slug, reason, message)
	}
}
