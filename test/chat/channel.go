// Package chat serves a chat channel for a webhook account: an HTTP server on loopback that keeps the messages
// that it receives, for the demo and the end-to-end suites.
package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Channel is a chat channel.
type Channel struct {
	// URL that a webhook account posts to.
	URL string

	server *http.Server

	mu       sync.Mutex
	refusal  int           // status to reject messages with; 0 accepts them
	held     chan struct{} // messages wait until it is closed; nil if they do not
	refused  int
	messages []Message
	open     map[net.Conn]bool
	changed  chan struct{} // closed and renewed at each request, and when a connection begins or ends
}

// Message is an accepted message.
type Message struct {
	ID   string `json:"id"` // the idempotency key
	Text string `json:"text"`
	// Message is the key of the build's message, and Supersedes is empty unless this one edits it.
	Message    string `json:"message"`
	Supersedes string `json:"supersedes"`
	At         time.Time
	Body       string `json:"-"` // all of it
}

// maxBody limits a message, in bytes.
const maxBody = 1 << 20

// Open serves a channel on a free port.
func Open() (*Channel, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve a chat channel: %w", err)
	}
	c := &Channel{URL: "http://" + listener.Addr().String() + "/channel", open: map[net.Conn]bool{}, changed: make(chan struct{})}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second, ConnState: c.connection}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// Close stops the server.
func (c *Channel) Close() { _ = c.server.Close() }

// connection is called when the state of a connection changes.
func (c *Channel) connection(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.open[conn] = true
	case http.StateClosed:
		delete(c.open, conn)
	default:
		return
	}
	c.notify()
}

// notify wakes all that wait for a change. The caller holds the lock.
func (c *Channel) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Drain waits until the channel has handled all requests of senders that have ended: those of a killed process may
// still be on their way. No other sender may be connected.
func (c *Channel) Drain(ctx context.Context) error {
	at, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	// Connections are accepted in order: when this one is, the others are known.
	var dialer net.Dialer
	last, err := dialer.DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return fmt.Errorf("connect to the chat channel: %w", err)
	}
	defer func() { _ = last.Close() }()
	for {
		c.mu.Lock()
		known, others, changed := false, 0, c.changed
		for conn := range c.open {
			if conn.RemoteAddr().String() == last.LocalAddr().String() {
				known = true
			} else {
				others++
			}
		}
		c.mu.Unlock()
		if known && others == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d senders of the chat channel have not ended", others)
		}
	}
}

// Refuse makes the channel reject messages with an HTTP status, until it is called with 0.
func (c *Channel) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = status
}

// Hold makes messages wait for an answer until release is called.
func (c *Channel) Hold() (release func()) {
	held := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = held
	return func() { close(held) }
}

// wait waits while messages are held. It returns false if the sender gave up.
func (c *Channel) wait(req *http.Request) bool {
	c.mu.Lock()
	held := c.held
	c.mu.Unlock()
	if held == nil {
		return true
	}
	select {
	case <-held:
		return true
	case <-req.Context().Done():
		return false
	}
}

// ServeHTTP implements http.Handler.
func (c *Channel) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	m := Message{At: time.Now()}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	m.Body = string(body)
	if !c.wait(req) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.refusal != 0:
		c.refused++
		http.Error(w, "the channel rejects messages now", c.refusal)
	case err != nil:
		c.refused++
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		c.messages = append(c.messages, m)
	}
	c.notify()
}

// Messages returns the messages received so far.
func (c *Channel) Messages() []Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.messages)
}

// Shown returns the texts that the channel shows, as somebody sees it who looks at it now: an edit replaces what the
// build's message said.
func (c *Channel) Shown() []string {
	var texts []string
	place := map[string]int{}
	for _, m := range c.Messages() {
		if at, ok := place[m.Message]; ok && m.Supersedes != "" {
			texts[at] = m.Text
			continue
		}
		place[m.Message] = len(texts)
		texts = append(texts, m.Text)
	}
	return texts
}

// Refused returns how many messages were rejected.
func (c *Channel) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Wait waits for the n-th message, counted from 1, and returns it.
func (c *Channel) Wait(ctx context.Context, n int) (Message, error) {
	for {
		c.mu.Lock()
		messages, changed := c.messages, c.changed
		c.mu.Unlock()
		if len(messages) >= n {
			return messages[n-1], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("message %d did not arrive", n)
		}
	}
}
