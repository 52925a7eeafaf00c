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
	refusal  int // status to reject messages with; 0 accepts them
	refused  int
	messages []Message
	changed  chan struct{} // closed and renewed at each request
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
	c := &Channel{URL: "http://" + listener.Addr().String() + "/channel", changed: make(chan struct{})}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

// Close stops the server.
func (c *Channel) Close() { _ = c.server.Close() }

// Refuse makes the channel reject messages with an HTTP status, until it is called with 0.
func (c *Channel) Refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = status
}

// ServeHTTP implements http.Handler.
func (c *Channel) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	m := Message{At: time.Now()}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	m.Body = string(body)
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
	close(c.changed)
	c.changed = make(chan struct{})
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
