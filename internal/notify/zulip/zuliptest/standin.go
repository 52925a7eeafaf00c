package zuliptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

const (
	email    = "ci-bot@example.zulipchat.com"
	key      = "q7ZsVw3dGkRthJ4mXc8pLbNy01234567"
	builds   = "builds"
	other    = "17"
	topic    = "Releases"
	someone  = "2187"
	departed = "2188" // whose account is deactivated
)

// standIn is a Zulip with two channels, written from the documentation of its API as of November 2026:
//
//	https://zulip.com/api/send-message
//	https://zulip.com/api/update-message
//	https://zulip.com/api/rest-error-handling and https://zulip.com/api/http-headers
//	https://zulip.com/help/format-your-message-using-markdown
type standIn struct {
	rec notifytest.Recorder

	mu    sync.Mutex
	count int
	posts map[string]posted // by ID
}

type posted struct {
	number  int
	address string
}

func (s *standIn) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.posts)
}

func (s *standIn) handler() http.HandlerFunc {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/messages", s.post)
	mux.HandleFunc("PATCH /api/v1/messages/{id}", s.edit)
	mux.HandleFunc("GET /api/v1/users/me", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"result": "success", "msg": "", "user_id": 9, "full_name": "CI", "is_bot": true})
	})
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != email:
			refuse(w, http.StatusUnauthorized, "INVALID_API_KEY", "Account not found")
		case password != key:
			refuse(w, http.StatusUnauthorized, "INVALID_API_KEY", "Invalid API key")
		default:
			mux.ServeHTTP(w, r)
		}
	}
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, msg string) {
	answer(w, status, map[string]any{"result": "error", "code": code, "msg": msg})
}

// form returns the parameters of a request, and whether they are those that are used, each once.
func form(w http.ResponseWriter, r *http.Request, names ...string) (url.Values, bool) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Malformed payload")
		return nil, false
	}
	values := r.PostForm // of PATCH too
	for _, name := range names {
		if len(values[name]) != 1 {
			refuse(w, http.StatusBadRequest, "REQUEST_VARIABLE_MISSING", fmt.Sprintf("Missing '%s' argument", name))
			return nil, false
		}
	}
	if len(values) != len(names) {
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Unused arguments")
		return nil, false
	}
	return values, true
}

// refusesContent reports whether a message's text is refused. One that Zulip would cut is.
func refusesContent(w http.ResponseWriter, content string) bool {
	switch {
	case strings.TrimSpace(content) == "":
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Message must not be empty")
	case strings.Contains(content, "\x00"):
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Message must not contain null bytes")
	case utf8.RuneCountInString(content) > 10_000:
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Zulip would cut the message")
	default:
		return false
	}
	return true
}

func (s *standIn) post(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r, "type", "to", "topic", "content")
	if !ok || refusesContent(w, values.Get("content")) {
		return
	}
	address := map[string]string{`"` + builds + `"`: builds, other: other}[values.Get("to")]
	name := values.Get("topic")
	switch {
	case values.Get("type") != "stream":
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Invalid type")
		return
	case address == "":
		refuse(w, http.StatusBadRequest, "STREAM_DOES_NOT_EXIST", "Channel does not exist")
		return
	case strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 60 || strings.ContainsAny(name, "\n\x00"):
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Invalid topic")
		return
	}
	if name != repository {
		address += ">" + name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.record(values.Get("content"), notifytest.Received{Address: address})
	s.posts[fmt.Sprint(id)] = posted{s.count, address}
	answer(w, http.StatusOK, map[string]any{"result": "success", "msg": "", "id": id})
}

func (s *standIn) edit(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r, "content")
	if !ok || refusesContent(w, values.Get("content")) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	earlier, known := s.posts[r.PathValue("id")]
	if !known {
		refuse(w, http.StatusBadRequest, "BAD_REQUEST", "Invalid message(s)")
		return
	}
	s.record(values.Get("content"), notifytest.Received{Address: earlier.address, Edits: earlier.number})
	answer(w, http.StatusOK, map[string]any{"result": "success", "msg": ""})
}

var mentioned = regexp.MustCompile(`(^|[\s'"(,:<])@(?:\*\*(?:[^*|]*\|)?([^*]+)\*\*|\*([^*]+)\*)`)

// record is called with the lock held, and returns the message's ID.
func (s *standIn) record(content string, got notifytest.Received) int {
	for _, m := range mentioned.FindAllStringSubmatch(content, -1) {
		if name := m[2] + m[3]; name != departed {
			got.Mentions = append(got.Mentions, name)
		}
	}
	s.count++
	got.Raw = []byte(content)
	got.Text, _ = read(content) // CheckShown reports the error
	s.rec.Add(got)
	return 800_000 + s.count
}

// ours are the tokens that are meant to act: a mention at the beginning, and the time at the end.
var ours = regexp.MustCompile(`^@\*\*\|[0-9]+\*\* |\nFinished: <time:[0-9TZ:-]+>$`)

func read(content string) (string, error) { return syntax.Read(ours.ReplaceAllString(content, "")) }

// syntax is Zulip's markup.
var syntax = notifytest.Syntax{
	Link: regexp.MustCompile(`^\[((?:[^\[\]]|\[[^\[\]]*\])+)\]\(https?://[^\s()]+\)`),
	Acts: regexp.MustCompile("^(\\*|`|~~|\\$\\$|@[*_\\pL\\pN]|#[*\\pL\\pN]|&(#?[A-Za-z0-9]+;)|<time:|\\]\\(|!\\[|[a-z]://|" +
		"\\.[A-Za-z]{2}|:[A-Za-z0-9_+-]+:)"),
	Begins: regexp.MustCompile(`^([-+>#=|/]|[0-9]+[.)]|:-| {4})`),
}
