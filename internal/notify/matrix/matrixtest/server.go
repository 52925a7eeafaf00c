package matrixtest

import (
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

// Server is the stand-in without a connection, whose rooms change during a test.
type Server struct {
	Account notifytest.Account
	standIn *standIn
}

// New returns a stand-in.
func New() *Server {
	s := newStandIn()
	a := account("http://matrix.example.com")
	a.Received = s.rec.Wait
	return &Server{a, s}
}

// Client returns a client of the stand-in alone.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s} }

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	s.standIn.handler()(answer, req)
	return answer.Result(), nil
}

// Joins are the rooms that the bot has joined, each with the servers through which.
func (s *Server) Joins() []string {
	s.standIn.mu.Lock()
	defer s.standIn.mu.Unlock()
	return slices.Clone(s.standIn.joins)
}

// Upgrade replaces a room by Renewed, where the bot may still send to the old one unless it is muted.
func (s *Server) Upgrade(alias string, muted bool) {
	s.change(alias, func(r *standInRoom) { r.muted = muted })
	s.standIn.mu.Lock()
	defer s.standIn.mu.Unlock()
	s.standIn.upgrade(alias)
}

// Encrypt turns on the encryption of a room.
func (s *Server) Encrypt(alias string) {
	s.change(alias, func(r *standInRoom) { r.encrypted = true })
}

// Disown makes another user the sender of all messages.
func (s *Server) Disown(user string) {
	s.standIn.mu.Lock()
	defer s.standIn.mu.Unlock()
	for id, e := range s.standIn.events {
		e.sender = user
		s.standIn.events[id] = e
	}
}

func (s *Server) change(alias string, change func(*standInRoom)) {
	s.standIn.mu.Lock()
	defer s.standIn.mu.Unlock()
	for _, r := range s.standIn.rooms {
		if r.address == alias {
			change(r)
		}
	}
}
