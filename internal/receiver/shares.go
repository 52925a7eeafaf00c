package receiver

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// shares divides a limited resource among clients whose webhooks are not proven yet. While the resource
// lasts, each client takes what it needs. When it is used up, the oldest holding of the client with the
// most is revoked. So a new client always gets its part, and no client can lock out another. This is the
// push-out rule of shared-memory switches (drop from the longest queue), which needs no fixed share.
type shares struct {
	limit int64

	mu      sync.Mutex
	held    int64 // by all
	clients map[netip.Addr]*client
}

// client is one client of shares.
type client struct {
	held     int64
	holdings list.List // of *holding: those that can be revoked, the longest held first
}

// holding is what one request or connection holds of a resource.
type holding struct {
	of      *shares
	address netip.Addr
	size    int64
	since   time.Time
	revoke  func() // must not block, and must not call back

	element *list.Element // nil while it cannot be revoked
	revoked bool
}

func newShares(limit int64) *shares {
	return &shares{limit: limit, clients: map[netip.Addr]*client{}}
}

// take makes a holding of a size. revoke is called when the holding is revoked; the holder must still
// release it.
func (s *shares) take(address netip.Addr, size int64, revoke func()) *holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &holding{of: s, address: network(address), since: time.Now(), revoke: revoke}
	c := s.clients[h.address]
	if c == nil {
		c = &client{}
		s.clients[h.address] = c
	}
	h.element = c.holdings.PushBack(h)
	s.resize(h, size)
	return h
}

// network returns what counts as one client: an IPv4 address, or an IPv6 /64, the smallest network that
// providers assign to a customer.
func network(address netip.Addr) netip.Addr {
	if address.Is4() || address.Is4In6() {
		return address.Unmap()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return netip.Addr{}
	}
	return prefix.Addr()
}

// grow makes the holding larger. It returns false if it was revoked.
func (h *holding) grow(size int64) bool {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if !h.revoked {
		h.of.resize(h, size)
	}
	return !h.revoked
}

// resize changes a holding's size and revokes others if necessary. mu is held.
func (s *shares) resize(h *holding, size int64) {
	h.size += size
	s.clients[h.address].held += size
	s.held += size
	s.makeRoom()
}

// makeRoom revokes holdings until the others are within the limit. mu is held.
func (s *shares) makeRoom() {
	for s.held > s.limit && s.pushOut() {
	}
}

// pushOut revokes one holding. It returns false if there is none to revoke. mu is held.
func (s *shares) pushOut() bool {
	var oldest *holding
	var most int64
	for _, c := range s.clients {
		if c.holdings.Len() == 0 || c.held < most {
			continue
		}
		first := c.holdings.Front().Value.(*holding)
		if c.held > most || first.since.Before(oldest.since) {
			oldest, most = first, c.held
		}
	}
	if oldest == nil {
		return false
	}
	oldest.revoked = true
	s.free(oldest)
	oldest.revoke()
	return true
}

// renew makes the holding the newest of its client, and revocable.
func (h *holding) renew() {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.revoked || h.size == 0 {
		return
	}
	h.since = time.Now()
	c := h.of.clients[h.address]
	if h.element == nil {
		h.element = c.holdings.PushBack(h)
	}
	c.holdings.MoveToBack(h.element)
	h.of.makeRoom()
}

// keep makes sure that the holding is not revoked. It returns false if it has been.
func (h *holding) keep() bool {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.element != nil {
		h.of.clients[h.address].holdings.Remove(h.element)
		h.element = nil
	}
	return !h.revoked
}

// release gives the holding back. Releasing it twice has no effect.
func (h *holding) release() {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	h.of.free(h)
}

// free removes the holding. mu is held.
func (s *shares) free(h *holding) {
	c := s.clients[h.address]
	if h.size == 0 || c == nil {
		return
	}
	if h.element != nil {
		c.holdings.Remove(h.element)
		h.element = nil
	}
	c.held -= h.size
	s.held -= h.size
	if h.size = 0; c.held == 0 {
		delete(s.clients, h.address)
	}
}
