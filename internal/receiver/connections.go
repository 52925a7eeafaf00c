package receiver

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// connections bounds the open connections of a Server. One that comes when there are too many closes
// another one, by the rule of shares: of the address that has the most, the one that has gone the
// longest without a proven webhook or a new request. Behind an ingress all connections are the
// ingress', so there the slowest requests go first.
type connections struct {
	net.Listener
	shares *shares
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
	c.holding = l.shares.take(peer(inner), 1, func() { _ = inner.Close() }) // it is given up, whatever comes of it
	return c, nil
}

// peer is the address at the other end.
func peer(c net.Conn) netip.Addr {
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

// changed is the server's ConnState: a connection that was answered or begins a request is as good as
// a new one.
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
