package replica

import (
	"context"
	"fmt"
	"sync"
)

// Handlers answers requests by their kind. The zero value has no handlers.
type Handlers struct {
	mu     sync.Mutex
	byKind map[string]Handler
}

// Handle implements Replicas.
func (h *Handlers) Handle(kind string, fn Handler) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byKind == nil {
		h.byKind = map[string]Handler{}
	}
	h.byKind[kind] = fn
}

// Answer answers a request.
func (h *Handlers) Answer(ctx context.Context, kind string, payload []byte) ([]byte, error) {
	h.mu.Lock()
	fn, ok := h.byKind[kind]
	h.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("this replica does not answer requests of kind %q: it may run another version", kind)
	}
	return fn(ctx, payload)
}
