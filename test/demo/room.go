package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// room is a chat room, as far as a webhook account can tell: it takes messages and shows them.
type room struct {
	url    string
	server *http.Server
	broken bool // answers as a room that was deleted

	mu       sync.Mutex
	messages []message
	arrived  chan struct{} // closed and renewed at each message
}

type message struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	at   time.Time
}

// openRoom hosts a room on loopback.
func openRoom(broken bool) (*room, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("host a room: %w", err)
	}
	r := &room{
		url:     "http://" + listener.Addr().String() + "/room",
		broken:  broken,
		arrived: make(chan struct{}),
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *room) close() { _ = r.server.Close() }

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.broken {
		http.Error(w, "there is no such room", http.StatusNotFound)
		return
	}
	m := message{at: time.Now()}
	if err := json.NewDecoder(req.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.messages = append(r.messages, m)
	close(r.arrived)
	r.arrived = make(chan struct{})
	r.mu.Unlock()
}

// heard returns what has arrived so far.
func (r *room) heard() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.messages...)
}

// wait returns the n-th message, counted from 1.
func (r *room) wait(ctx context.Context, n int) (message, error) {
	for {
		r.mu.Lock()
		messages, arrived := r.messages, r.arrived
		r.mu.Unlock()
		if len(messages) >= n {
			return messages[n-1], nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return message{}, fmt.Errorf("message %d of those that should arrive did not", n)
		}
	}
}
