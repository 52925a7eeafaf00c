package receiver

import (
	"context"
	"fmt"
	"strconv"

	"github.com/travishook/travishook/internal/routing"
)

// idBucket of the memory holds repositories' ids, by namespace/owner/name. Each namespace has its
// own, so that none can spoil it for another.
const idBucket = "repository-ids"

// checkIdentity holds a repository to the id it had when it was first proven, because a name can be
// given up and taken by somebody else. An id that a route pins goes before what is remembered.
func (h *Handler) checkIdentity(x *exchange) *answer {
	ctx, cancel := h.storing(x)
	defer cancel()
	id := x.event.Repository.ID
	var same, other []*routing.Namespace
	for _, n := range x.recipients {
		known, err := h.knownID(ctx, n, x)
		switch {
		case err != nil:
			return storeUnavailable.because(err)
		case known == id:
			same = append(same, n)
		default:
			other = append(other, n)
		}
	}
	x.recipients = same
	h.notice(x.repository, other, ReasonOtherRepository, fmt.Sprintf(
		"events arrive from another repository under this name, with the id %d; if it is the right one, set spec.repositoryID to it", id))
	if len(same) == 0 {
		return &otherRepository
	}
	return nil
}

// knownID is the id that the namespace holds the repository to. The first one is remembered.
func (h *Handler) knownID(ctx context.Context, n *routing.Namespace, x *exchange) (int64, error) {
	if n.RepositoryID != 0 {
		return n.RepositoryID, nil
	}
	key := n.Name + "/" + x.repository.Slug
	if value, ok := h.Memory.Get(idBucket, key); ok {
		if known, err := strconv.ParseInt(string(value), 10, 64); err == nil {
			return known, nil
		}
	}
	id := x.event.Repository.ID
	if err := h.Memory.Put(ctx, idBucket, key, strconv.AppendInt(nil, id, 10)); err != nil {
		return 0, fmt.Errorf("remember the repository's id: %w", err)
	}
	return id, nil
}

// notice tells the people of namespaces.
func (h *Handler) notice(repository *routing.Repository, namespaces []*routing.Namespace, reason, message string) {
	for _, n := range namespaces {
		h.Observer.Noticed(n.Name, repository.Slug, reason, message)
	}
}
