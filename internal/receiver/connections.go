package receiver

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// connections limits the open connections of a Server. Beyond the limit, a new connection closes another
// one, by the rule of shares: of the address with the most connections, the one without a proven webhook
// or a new request for the longest time. Behind an ingress all connections have the ingress' address, so
// the slowest requests are closed first.
type connections struct {
	net.Listener
	shares *shares
}

// LimitConnections limits the open connections of another server than a Server, by the same rule.
func LimitConnections(l net.Listener, most int64) net.Listener {
	return &connections{l, newShares(most)}
}

// connection is an open one.
type connection struct {
	net.Conn
	holding *holding
	closed  sync.Once
}

// Accept implements net.Listener.
func (l *connections) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: inner}
	c.holding = l.shares.take(remote(inner), 1, func() { _ = inner.Close() }) // the error does not matter: the connection is abandoned
	return c, nil
}

// remote returns the address of the client.
func remote(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.closed.Do(c.holding.release)
	return c.Conn.Close()
}

// connectionKey is the key of a request's *connection in its context.
type connectionKey struct{}

// withConnection is the server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = over.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// changed is the server's ConnState: a connection that was answered or begins a request counts as new.
func changed(c net.Conn, state http.ConnState) {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = over.NetConn()
	}
	if c, ok := c.(*connection); ok && (state == http.StateIdle || state == http.StateActive) {
		c.holding.renew()
	}
}

// keepConnection makes sure that the connection of a proven webhook is not closed for another one
// before it is answered. It returns false if it has been.
func keepConnection(r *http.Request) bool {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	return !ok || c.holding.keep()
}
