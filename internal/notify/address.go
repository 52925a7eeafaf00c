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
	"time"

	"golang.org/x/time/rate"
)

// Rules are the addresses that a tenant's account may not connect to. The zero value refuses every
// address that is not public.
type Rules struct {
	// Deny is refused even if Allow contains it: the API server's addresses, if they are public.
	Deny []netip.Prefix
	// Allow permits addresses that are not public.
	Allow []netip.Prefix
}

// ErrForbidden is matched by the error of a connection that the address rules refuse.
var ErrForbidden = errors.New("accounts that a namespace defines may not connect to it; " +
	"the administrator can allow the address in the operator's settings (delivery.allowAddresses)")

// forbiddenError contains the kind of the address and not the address itself: a Secret may name the host.
type forbiddenError struct{ kind string }

func (e *forbiddenError) Error() string {
	return "the server has " + e.kind + ": " + ErrForbidden.Error()
}

func (e *forbiddenError) Is(target error) bool { return target == ErrForbidden }

// special are the ranges that are not the public internet.
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
	{netip.MustParsePrefix("::/96"), "an unspecified address"},         // and the obsolete IPv4-compatible ones
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "a translated address"}, // IPv4-translated (RFC 2765)
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a private address"},
	{netip.MustParsePrefix("100::/64"), "a reserved address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"}, // Teredo, benchmarks, ORCHID
	{netip.MustParsePrefix("2001:db8::/32"), "a reserved address"},
	{netip.MustParsePrefix("3fff::/20"), "a reserved address"}, // documentation
	{netip.MustParsePrefix("5f00::/16"), "a reserved address"}, // segment routing
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a private address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

var (
	nat64   = netip.MustParsePrefix("64:ff9b::/96") // IPv4 in the last four bytes
	sixToIV = netip.MustParsePrefix("2002::/16")    // IPv4 in bytes 2 to 5
)

// Check returns an error that matches ErrForbidden unless connections to addr are permitted.
func (r Rules) Check(addr netip.Addr) error {
	addr = embedded(addr)
	if contains(r.Deny, addr) {
		return &forbiddenError{"an address of the cluster"}
	}
	if contains(r.Allow, addr) {
		return nil
	}
	for _, s := range special {
		if s.prefix.Contains(addr) {
			return &forbiddenError{s.name}
		}
	}
	return nil
}

// embedded returns the IPv4 address inside an IPv6 address that wraps one, so that no spelling of
// 10.0.0.1 bypasses a rule for it.
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

// control refuses forbidden addresses right before connecting, after the name was resolved: an
// earlier check could see another address (DNS rebinding).
func (r Rules) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return &forbiddenError{"a " + network + " address"}
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address to connect to: %w", err)
	}
	return r.Check(to.Addr())
}

// NewDialer returns a dialer with the timeout dialTimeout. If rules is not nil, connections that they
// forbid fail with a permanent error. What a server sends is read at a limited rate.
func NewDialer(rules *Rules) Dialer {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	if rules != nil {
		dialer.ControlContext = rules.control
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		switch {
		case errors.Is(err, ErrForbidden):
			return nil, Permanent(err)
		case err != nil:
			return nil, err
		}
		return paced(conn), nil
	}
}

// The rate at which a connection is read. A chat server sends far less. One that sends without end, on a connection that
// is kept, would otherwise occupy a processor; so it waits.
const (
	readRate  = 1 << 20 // bytes a second
	readBurst = 4 << 20
	readMost  = 64 << 10 // bytes of one read, and with them the wait
)

// pacedConn is a connection that is read at a limited rate.
type pacedConn struct {
	net.Conn
	pace *rate.Limiter
}

func paced(conn net.Conn) net.Conn {
	return &pacedConn{Conn: conn, pace: rate.NewLimiter(readRate, readBurst)}
}

// Read implements net.Conn.
func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), readMost)])
	if wait := c.pace.ReserveN(time.Now(), n).Delay(); wait > 0 {
		<-time.After(wait) // at most readMost/readRate
	}
	return n, err
}
