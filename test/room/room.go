// Package room hosts a chat room, as far as a webhook account can tell: an HTTP server on loopback
// that takes messages and remembers them. The demo and the end-to-end suites read there what a
// team would.
package room

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Room is a running room.
type Room struct {
	// URL that a webhook account posts to.
	URL string

	server *http.Server

	mu       sync.Mutex
	refusal  int // status that it answers with instead of taking a message; 0 takes them
	refused  int
	messages []Message
	changed  chan struct{} // closed and renewed at each request
}

// Message is one that was taken.
type Message struct {
	ID   string `json:"id"` // the idempotency key
	Text string `json:"text"`
	At   time.Time
}

// Open hosts a room on a free port.
func Open() (*Room, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("host a room: %w", err)
	}
	r := &Room{URL: "http://" + listener.Addr().String() + "/room", changed: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

// Close ends it.
func (r *Room) Close() { _ = r.server.Close() }

// Refuse makes the room answer with an HTTP status and take nothing, until it is called with 0.
func (r *Room) Refuse(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusal = status
}

// ServeHTTP implements http.Handler.
func (r *Room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	m := Message{At: time.Now()}
	err := json.NewDecoder(req.Body).Decode(&m)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.refusal != 0:
		r.refused++
		http.Error(w, "the room does not take messages now", r.refusal)
	case err != nil:
		r.refused++
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		r.messages = append(r.messages, m)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// Messages are those that have come so far.
func (r *Room) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// Refused is how many messages were not taken.
func (r *Room) Refused() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// Wait returns the n-th message, counted from 1, as soon as it has come.
func (r *Room) Wait(ctx context.Context, n int) (Message, error) {
	for {
		r.mu.Lock()
		messages, changed := r.messages, r.changed
		r.mu.Unlock()
		if len(messages) >= n {
			return messages[n-1], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("message %d of those that should arrive did not", n)
		}
	}
}
