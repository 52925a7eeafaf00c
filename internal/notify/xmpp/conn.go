package xmpp

import (
	"errors"
	"net"
	"sync/atomic"
)

// maxStanza is how many bytes the server may send without completing a stanza, so that one
// element cannot fill the memory. Servers limit theirs to 64 or 256 KiB.
const maxStanza = 1 << 20

var errStanzaTooLarge = errors.New("the server sent more than 1 MiB as one piece")

// meteredConn is a connection that refuses to read more than maxStanza bytes between renewals.
type meteredConn struct {
	net.Conn
	read atomic.Int64
}

// Read closes the connection when the limit is passed: whoever is still writing to such a
// server must not wait for it.
func (c *meteredConn) Read(b []byte) (int, error) {
	if c.exceeded() {
		return 0, errors.Join(errStanzaTooLarge, c.Close())
	}
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}

func (c *meteredConn) exceeded() bool { return c.read.Load() > maxStanza }

// renew allows the next maxStanza bytes.
func (c *meteredConn) renew() { c.read.Store(0) }
