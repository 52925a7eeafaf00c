package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// Rules say which addresses an account may not reach. The zero value refuses every address
// that is not public.
type Rules struct {
	// Deny is refused in any case: the API server's addresses, if they are public ones.
	Deny []netip.Prefix
	// Allow lets addresses through that are not public.
	Allow []netip.Prefix
}

// ErrForbidden is what a dial ends with that the address rules refuse.
var ErrForbidden = errors.New("accounts that a namespace defines may not reach it; " +
	"the administrator can allow the address in the operator's settings (delivery.allowAddresses)")

// special are the ranges that are not the public internet, with the word for them.
var special = []struct {
	prefix netip.Prefix
	name   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a carrier's shared address"}, // CGNAT; some clouds' pods and metadata
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata address"}, // Azure's, in a public range
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},         // the other clouds' metadata
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a reserved address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a reserved address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a reserved address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("::/96"), "an unspecified address"}, // and what once embedded IPv4
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a private address"},
	{netip.MustParsePrefix("100::/64"), "a reserved address"},
	{netip.MustParsePrefix("2001::/32"), "a tunnel's address"}, // Teredo
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a private address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // IPv4 in the last four bytes
	sixToIV = netip.MustParsePrefix("2002::/16")    // IPv4 in bytes 2 to 5
)

// Check returns nil if addr may be reached, else an error that wraps ErrForbidden.
func (r Rules) Check(addr netip.Addr) error {
	addr = embedded(addr)
	if contains(r.Deny, addr) {
		return fmt.Errorf("%s is an address of the cluster: %w", addr, ErrForbidden)
	}
	if contains(r.Allow, addr) {
		return nil
	}
	for _, s := range special {
		if s.prefix.Contains(addr) {
			return fmt.Errorf("%s is %s: %w", addr, s.name, ErrForbidden)
		}
	}
	return nil
}

// embedded returns the IPv4 address that an IPv6 address merely wraps, so that none of the
// ways to write 10.0.0.1 gets around a rule for it.
func embedded(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToIV.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// control refuses forbidden addresses at the moment of connecting: after the name has been
// resolved, so that a name that resolves to something else by then is caught.
func (r Rules) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%s network: %w", network, ErrForbidden)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address to connect to: %w", err)
	}
	return r.Check(to.Addr())
}

// NewDialer returns a dialer with the time limit of dialTimeout. With rules other than nil
// it refuses what they forbid, by a permanent error.
func NewDialer(rules *Rules) Dialer {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	if rules == nil {
		return dialer.DialContext
	}
	dialer.ControlContext = rules.control
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if errors.Is(err, ErrForbidden) {
			return nil, Permanent(err)
		}
		return conn, err
	}
}
