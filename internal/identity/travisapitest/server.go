// Package travisapitest is a stand-in for the repository endpoints of Travis' API, version 3. It refuses
// what the API refuses.
package travisapitest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
)

// Repository is one that the API knows.
type Repository struct {
	ID       int64
	Provider string // github, bitbucket, …
	Slug     string
	// Private ones are shown with a token only, and so never here.
	Private bool
}

// Server is the stand-in.
type Server struct {
	*httptest.Server

	mu           sync.Mutex
	repositories []Repository
	down         int // the status that every request gets, or 0
	requests     []string
}

// New starts a Server that knows some repositories. Close it.
func New(repositories ...Repository) *Server {
	s := &Server{repositories: repositories}
	s.Server = httptest.NewServer(s)
	return s
}

// Fail makes every request get a status; 0 ends that.
func (s *Server) Fail(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = status
}

// Requests are the paths that were asked for.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.URL.EscapedPath())
	switch {
	case s.down == http.StatusTooManyRequests:
		http.Error(w, "Retry later", s.down) // without Retry-After
	case s.down != 0:
		http.Error(w, "<html>down</html>", s.down)
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "method not allowed")
	case r.Header.Get("Travis-API-Version") != "3" && r.Header.Get("Accept") != "application/vnd.travis-ci.3+json":
		refuse(w, http.StatusNotFound, "not_found", "resource not found (or insufficient access)") // an older version's router
	case r.UserAgent() == "" || strings.HasPrefix(r.UserAgent(), "Go-http-client"):
		refuse(w, http.StatusForbidden, "access_denied", "a User-Agent is required")
	default:
		s.repository(w, r)
	}
}

// repository answers /repo/{slug} and /repo/{provider}/{slug}: the slug is one segment.
func (s *Server) repository(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if len(segments) == 2 {
		segments = []string{segments[0], "github", segments[1]}
	}
	if len(segments) == 3 && segments[0] == "repo" {
		slug, err := url.PathUnescape(segments[2])
		for _, known := range s.repositories {
			if err == nil && !known.Private && known.Provider == segments[1] && strings.EqualFold(known.Slug, slug) {
				answer(w, known)
				return
			}
		}
	}
	refuse(w, http.StatusNotFound, "not_found", "repository not found (or insufficient access)")
}

func answer(w http.ResponseWriter, r Repository) {
	owner, name, _ := strings.Cut(r.Slug, "/")
	write(w, http.StatusOK, map[string]any{
		"@type": "repository", "@representation": "standard", "id": r.ID, "name": name, "slug": r.Slug,
		"vcs_type": strings.ToUpper(r.Provider[:1]) + r.Provider[1:] + "Repository", "private": false, "active": true,
		"owner": map[string]any{"@type": "organization", "login": owner},
	})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	write(w, status, map[string]any{"@type": "error", "error_type": kind, "error_message": message, "resource_type": "repository"})
}

func write(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have disconnected
}
