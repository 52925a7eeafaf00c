package receiver

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// Reasons of notices about an event that a namespace gets in part or not at all.
const (
	NoticeTooManyChannels = "too_many_channels"
	NoticeStoreFull       = ReasonStoreFull
	NoticeStoreShare      = ReasonStoreShare
	NoticeEventTooLarge   = "event_too_large"
)

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
	case err != nil && !h.matches(x):
		return &unrouted // and the store need not know that
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

// matches reports whether the event matches any route, in Travis' own word.
func (h *Handler) matches(x *exchange) bool {
	return slices.ContainsFunc(x.recipients, func(n *routing.Namespace) bool { return len(n.Match(x.event)) > 0 })
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
