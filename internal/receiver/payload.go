package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/verify"
)

// Reasons of notices: about an event that a namespace gets in part or not at all, and about where a
// repository's id is from.
const (
	NoticeTooManyChannels = "too_many_channels"
	NoticeStoreFull       = ReasonStoreFull
	NoticeStoreShare      = ReasonStoreShare
	NoticeEventTooLarge   = "event_too_large"
	NoticeRepositoryID    = "repository_id"
)

// readPayload decodes the payload and computes its digest while the body arrives. The result is not used
// before the signature is verified.
func (h *Handler) readPayload(x *exchange) *answer {
	body := h.openBody(x)
	defer body.close(x.w)
	form := newFormReader(body)
	if !form.seek() {
		return refusedBody(x, cmp.Or(form.finish(), errFormPayload))
	}
	x.digest = verify.NewDigest()
	payload := io.TeeReader(form, x.digest)
	x.decoded, x.undecodable = travis.Read(payload)
	_, _ = io.Copy(io.Discard, payload) // the digest covers all of it; form has the error
	if err := form.finish(); err != nil {
		return refusedBody(x, err)
	}
	return nil
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

// takeSlot limits the proven webhooks that are stored at the same time.
func (h *Handler) takeSlot(x *exchange) *answer {
	patience := time.NewTimer(SlotWait)
	defer patience.Stop()
	select {
	case h.slots <- struct{}{}:
		x.release = append(x.release, func() { <-h.slots })
		return nil
	case <-patience.C:
		return &busy
	}
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

// identify returns nil if the event is of the repository that the namespace means.
func (h *Handler) identify(ctx context.Context, x *exchange, n *routing.Namespace) error {
	bound, err := h.Identity.Check(ctx, h.Values, identity.Claim{
		Namespace: n.Name, Event: x.event, Key: x.key, SpecID: n.RepositoryID, KnowsToken: proves(x.proofs, n.Proofs),
	})
	if bound != nil {
		h.notice(x.repository, []*routing.Namespace{n}, NoticeRepositoryID, fmt.Sprintf(
			"%s is bound to the repository with the id %d, from %s", x.event.Repository.Slug(), bound.ID, bound.Source.Description()))
	}
	return err
}

// store stores the event for every namespace with a matching route. When it returns stored, the event is
// synced to disk.
func (h *Handler) store(x *exchange) *answer {
	offers := make([]queue.Offer, 0, len(x.recipients))
	for _, n := range x.recipients {
		offers = append(offers, queue.Offer{
			Namespace: n.Name, Computed: n.Computed,
			Match: func(e *travis.Event) []queue.Target { return h.targets(x, n, e) },
		})
	}
	ctx, cancel := h.storing(x)
	defer cancel()
	receipt, err := h.Store.Accept(ctx, queue.Acceptance{Event: *x.event, Received: x.began, Offers: offers})
	switch {
	case errors.Is(err, queue.ErrFull):
		return storeFull.because(err)
	case err != nil && !h.needsStore(x):
		return &unrouted
	case err != nil:
		return storeUnavailable.because(err)
	}
	x.seen, x.transitions = receipt.Seen, receipt.Transitions
	refused := h.noticeRefused(x, receipt.Refused)
	switch {
	case len(receipt.Stored) > 0:
		return stored.because(refused)
	case len(receipt.Seen) > 0:
		return seen.because(refused)
	case refused == nil:
		return &unrouted
	}
	if onlyShares(receipt.Refused) {
		return shareUsed.because(refused)
	}
	return storeFull.because(refused)
}

func onlyShares(refused map[string]error) bool {
	for _, err := range refused {
		if !errors.Is(err, queue.ErrShare) {
			return false
		}
	}
	return len(refused) > 0
}

// needsStore reports whether an event is lost if it is not stored: it matches a route, or the build has passed or failed,
// so that its result, and those of later builds, depend on the build before.
func (h *Handler) needsStore(x *exchange) bool {
	ended := x.event.Build.State == "passed" || x.event.Build.State == "failed"
	return slices.ContainsFunc(x.recipients, func(n *routing.Namespace) bool {
		return n.Computed && ended || len(n.Match(x.event)) > 0
	})
}

// targets are those of a namespace that match the event e, up to MaxTargets.
func (h *Handler) targets(x *exchange, n *routing.Namespace, e *travis.Event) []queue.Target {
	targets := n.Match(e)
	if len(targets) <= MaxTargets {
		return targets
	}
	h.notice(x.repository, []*routing.Namespace{n}, NoticeTooManyChannels, fmt.Sprintf(
		"build %s matches %d channels in the namespace, and the limit for an event is %d: the other %d get no message; narrow the routes, or use fewer channels",
		x.event.Build.Number, len(targets), MaxTargets, len(targets)-MaxTargets))
	return targets[:MaxTargets]
}

// noticeRefused reports to each namespace why the event was not stored for it. The error is for the
// log.
func (h *Handler) noticeRefused(x *exchange, refused map[string]error) error {
	var all []error
	for _, n := range x.recipients {
		err, ok := refused[n.Name]
		if !ok {
			continue
		}
		all = append(all, fmt.Errorf("namespace %s: %w", n.Name, err))
		reason, message := explainRefused(err)
		if x.refused == nil {
			x.refused = map[string]string{}
		}
		x.refused[n.Name] = message
		h.notice(x.repository, []*routing.Namespace{n}, reason, fmt.Sprintf("build %s is lost: %s", x.event.Build.Number, message))
	}
	return errors.Join(all...)
}

// explainRefused returns the notice for a namespace whose event the store refused.
func explainRefused(err error) (reason, message string) {
	switch {
	case errors.Is(err, queue.ErrShare):
		return NoticeStoreShare, "the namespace has used its share of the store for messages that could not be delivered; kubectl travis deliveries lists them"
	case errors.Is(err, queue.ErrTooLarge):
		return NoticeEventTooLarge, "the event with its channels is too large to store; narrow the routes, or use fewer channels"
	}
	return NoticeStoreFull, "the store is full; ask the operator's administrator to enlarge it"
}

// storing limits the time for the store. It continues if the sender disconnects: the event is proven, and
// Travis does not send it again.
func (h *Handler) storing(x *exchange) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(x.r.Context()), StoreTimeout)
}
