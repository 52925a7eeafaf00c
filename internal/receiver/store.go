package receiver

import (
	"context"
	"errors"

	"github.com/travishook/travishook/internal/queue"
)

// store keeps the event for every namespace that wants it. When it returns stored, that is synced.
func (h *Handler) store(x *exchange) *answer {
	var offers []queue.Offer
	for _, n := range x.namespaces {
		if targets := n.Match(x.event); len(targets) > 0 {
			offers = append(offers, queue.Offer{Namespace: n.Name, Targets: targets})
		}
	}
	if len(offers) == 0 {
		return &unrouted
	}
	ctx, cancel := h.storing(x)
	defer cancel()
	receipt, err := h.Store.Accept(ctx, queue.Acceptance{Event: *x.event, Received: x.began, Offers: offers})
	switch {
	case errors.Is(err, queue.ErrFull):
		return storeFull.because(err)
	case err != nil:
		return storeUnavailable.because(err)
	}
	if x.seen = receipt.Seen; len(receipt.Stored) == 0 {
		return &seen
	}
	return &stored
}

// storing bounds what the store may take. It goes on when the sender has gone: the event is
// proven, and will not be sent again.
func (h *Handler) storing(x *exchange) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(x.r.Context()), StoreTimeout)
}
