package receiver

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops is how many addresses of X-Forwarded-For are looked at, from its end.
const maxHops = 16

// client is the address that the request came from, as far as it can be trusted: a proxy that is
// trusted is believed about who asked it. It is only logged.
func (h *Handler) client(r *http.Request) string {
	address, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return "unknown"
	}
	if !h.trusted(address) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		hop, ok := parseAddress(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		address = hop
		if !h.trusted(hop) {
			return hop.String()
		}
	}
	if told, ok := parseAddress(r.Header.Get("X-Real-IP")); ok && r.Header.Get("X-Forwarded-For") == "" {
		return told.String()
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

// parseAddress takes an address with or without a port.
func parseAddress(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
