package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/slack"
	"github.com/travishook/travishook/internal/secret"
)

// refusals is a Slack that refuses edits, or replies in threads, with an error code.
type refusals struct {
	edits, replies string
	posts          string // refuses every new message
	shows          []string
}

// RoundTrip implements http.RoundTripper.
func (s *refusals) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	kind, word := "post", s.posts
	switch {
	case strings.HasSuffix(r.URL.Path, "/chat.update"):
		kind, word = "edit", s.edits
	case r.PostForm.Get("thread_ts") != "":
		kind, word = "reply", s.replies
	}
	answer := map[string]any{"ok": word == "", "error": word, "channel": "C0000BUILDS", "ts": "1503435956.000001"}
	if word == "" {
		s.shows = append(s.shows, kind+" "+r.PostForm.Get("text"))
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	_, _ = w.Write(body)
	return w.Result(), nil
}

// update updates an earlier message with a reply.
func (s *refusals) update(t *testing.T, thread bool) (notify.Receipt, error) {
	t.Helper()
	credential := notify.Credential{"token": secret.New("xoxb-1")}
	n, err := slack.Service.New([]byte(`{}`), credential, notify.Deps{HTTP: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	u := &notify.Update{Handle: "C0000BUILDS/1503435956.000247", Thread: thread}
	if !thread {
		u.Reply = []notify.Span{{Text: "it broke"}}
	}
	return n.Notify(t.Context(), notify.Message{ID: "1", Address: "#builds", Text: "broken", Update: u})
}

// TestARefusedEdit: a new message may be sent instead, and the error says what to do.
func TestARefusedEdit(t *testing.T) {
	for word, says := range map[string]string{
		"message_not_found":   "the earlier message was deleted",
		"edit_window_closed":  "too old to be edited",
		"cant_update_message": "belongs to another app",
		"missing_scope":       "give it chat:write and install it again",
		"no_permission":       "give the app chat:write",
		"channel_not_found":   "invite the app",
		"is_archived":         "choose another one",
		"a_word_of_tomorrow":  "a_word_of_tomorrow",
	} {
		s := &refusals{edits: word}
		_, err := s.update(t, false)
		if !notify.IsGone(err) || !strings.Contains(err.Error(), says) || len(s.shows) > 0 {
			t.Errorf("%s: %v, want an error marked by Gone that says %q; the channel shows %q", word, err, says, s.shows)
		}
	}
	for _, word := range []string{"ratelimited", "service_unavailable", "internal_error"} {
		s := &refusals{edits: word}
		if _, err := s.update(t, false); err == nil || notify.IsGone(err) {
			t.Errorf("%s: %v, want a retry of the edit", word, err)
		}
	}
}

// TestAReplyThatTheThreadRefuses is sent to the channel: the message was edited and stays the build's.
func TestAReplyThatTheThreadRefuses(t *testing.T) {
	for word, says := range map[string]string{
		"restricted_action_thread_locked":          "the thread of the earlier message is locked",
		"cannot_reply_to_message":                  "takes no replies",
		"thread_not_found":                         "the thread of the earlier message was deleted",
		"restricted_action_non_threadable_channel": "the channel takes no replies",
	} {
		for _, thread := range []bool{false, true} {
			s, reply := &refusals{replies: word}, "it broke"
			if thread {
				reply = "broken"
			}
			receipt, err := s.update(t, thread)
			if err != nil || receipt.Handle != "C0000BUILDS/1503435956.000247" || !strings.Contains(receipt.Note, says) {
				t.Errorf("%s: %+v, %v; want the message's handle and a note that says %q", word, receipt, err, says)
			}
			if diff := cmp.Diff([]string{"edit broken", "post " + reply}, s.shows); diff != "" {
				t.Errorf("%s: the channel shows (-want +got):\n%s", word, diff)
			}
		}
	}
	s := &refusals{replies: "restricted_action_thread_locked", posts: "not_in_channel"}
	if _, err := s.update(t, false); !notify.IsPermanent(err) || notify.IsGone(err) {
		t.Errorf("neither the thread nor the channel takes the reply: %v, want a permanent error", err)
	}
}
