package xmpp

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
)

// The limits of what a server may send, before and after the login. Servers limit what their users
// send to 256 KiB themselves; stanzas of a room have some ten elements, nested five deep.
const (
	maxStanza   = 256 << 10 // bytes of one element below the stream's root
	maxDepth    = 32        // of nested elements
	maxElements = 2048      // in one element below the stream's root
	maxTag      = 8 << 10   // bytes of one tag with its attributes
)

var (
	errStanzaTooLarge = errors.New("the server sent a stanza that is too large or too deeply nested")
	errEarlyStream    = errors.New("the server did not wait for the client to restart the stream")
)

// limiter scans the XML of a stream byte by byte and fails beyond the limits: the XML decoder keeps all
// open elements in memory, and a kilobyte of nested tags takes a hundred kilobytes there.
//
// It counts correctly for input that the decoder accepts; otherwise the decoder's error ends the stream.
type limiter struct {
	state    limiterState
	quote    byte // that ends the attribute's value, 0 outside of one
	previous byte
	depth    int
	size     int // bytes of the element below the root
	elements int // in it
	tag      int // bytes of the tag
	brackets int // at the end of a CDATA section
}

type limiterState int

const (
	inText limiterState = iota
	afterLess
	inStartTag
	inEndTag
	inInstruction
	inDeclaration
	inCDATA
)

// scan processes the next bytes of the stream.
func (l *limiter) scan(b []byte) error {
	for _, c := range b {
		if l.state == inText && c == '<' && l.depth <= 1 {
			l.size, l.elements = 0, 0
		}
		l.size++
		if !l.next(c) || l.size > maxStanza || l.depth > maxDepth || l.elements > maxElements || l.tag > maxTag {
			return errStanzaTooLarge
		}
		l.previous = c
	}
	return nil
}

// next moves the state on; it reports whether c is acceptable.
func (l *limiter) next(c byte) bool {
	l.tag++
	switch l.state {
	case inText:
		l.tag = 0
		if c == '<' {
			l.state = afterLess
		}
	case afterLess:
		l.state, l.quote = kindOfTag(c), 0
	case inStartTag:
		l.startTag(c)
	case inEndTag:
		if c == '>' {
			l.depth--
			l.state = inText
		}
	case inInstruction:
		if c == '>' && l.previous == '?' {
			l.state = inText
		}
	case inDeclaration: // a CDATA section; XMPP forbids comments and document types (RFC 6120, 11.1)
		l.state, l.brackets = inCDATA, 0
		return c == '['
	case inCDATA:
		l.tag = 0
		l.cdata(c)
	}
	return l.depth >= 0
}

func kindOfTag(c byte) limiterState {
	switch c {
	case '/':
		return inEndTag
	case '?':
		return inInstruction
	case '!':
		return inDeclaration
	}
	return inStartTag
}

func (l *limiter) startTag(c byte) {
	switch {
	case l.quote != 0:
		if c == l.quote {
			l.quote = 0
		}
	case c == '\'' || c == '"':
		l.quote = c
	case c == '>':
		l.elements++
		l.state = inText
		if l.previous != '/' {
			l.depth++
		}
	}
}

func (l *limiter) cdata(c byte) {
	switch {
	case c == ']':
		l.brackets++
	case c == '>' && l.brackets >= 2:
		l.state = inText
	default:
		l.brackets = 0
	}
}

// restart prepares for a new stream on the same connection, whose header is yet to come.
func (l *limiter) restart() error {
	if l.state != inText || l.depth != 1 {
		return errEarlyStream
	}
	*l = limiter{}
	return nil
}

// limitedConn is a connection that ends when the server's XML exceeds the limits: in clear text until
// secure is called, and then in the TLS connection that secure returns.
type limitedConn struct {
	net.Conn
	limiter  limiter // of the clear text
	secured  *securedConn
	exceeded atomic.Bool
}

// Read implements net.Conn.
func (c *limitedConn) Read(b []byte) (int, error) {
	if c.secured != nil {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b)
	return c.check(&c.limiter, b, n, err)
}

func (c *limitedConn) check(l *limiter, b []byte, n int, err error) (int, error) {
	if exceeded := l.scan(b[:n]); exceeded != nil {
		c.exceeded.Store(true)
		// Closing it also ends a write to a server that does not read.
		return 0, errors.Join(exceeded, c.Conn.Close())
	}
	return n, err
}

// secure returns conn, a TLS connection on c, with limits of its own.
func (c *limitedConn) secure(conn *tls.Conn) *securedConn {
	c.secured = &securedConn{Conn: conn, outer: c}
	return c.secured
}

// restart prepares for a new stream on the secured connection.
func (c *limitedConn) restart() error {
	if c.secured == nil {
		return errNoEncryption
	}
	return c.secured.limiter.restart()
}

// securedConn is the TLS connection on a limitedConn.
type securedConn struct {
	*tls.Conn
	outer   *limitedConn
	limiter limiter
}

// Read implements net.Conn.
func (c *securedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return c.outer.check(&c.limiter, b, n, err)
}
