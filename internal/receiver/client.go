package receiver

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops is how many addresses of X-Forwarded-For are read, from its end.
const maxHops = 16

// client returns the address of the sender: from the headers of a trusted proxy, else of the connection.
// If a trusted proxy sends no valid address, the proxy itself is the client; see shares. Without any
// address it is the zero Addr.
func (h *Handler) client(r *http.Request) netip.Addr {
	address, ok := parseAddress(r.RemoteAddr)
	if !ok || !h.trusted(address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		hop, ok := parseAddress(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		address = hop
		if !h.trusted(hop) {
			return hop
		}
	}
	if realIP, ok := parseAddress(r.Header.Get("X-Real-IP")); ok && r.Header.Get("X-Forwarded-For") == "" {
		return realIP
	}
	return address
}

// clientName returns a client for the log.
func clientName(address netip.Addr) string {
	if !address.IsValid() {
		return "unknown"
	}
	return address.String()
}

func (h *Handler) trusted(address netip.Addr) bool {
	for _, p := range h.Settings.TrustedProxies {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// parseAddress accepts an address with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}
