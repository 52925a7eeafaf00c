package slacktest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/secret"
)

// Faults implements notifytest.Harness.
func (h Harness) Faults() []notifytest.Fault {
	faults := []notifytest.Fault{
		{Name: "rate-limited", Arrange: h.answers(429, http.Header{"Retry-After": {"30"}}, "rate_limited"),
			Want: notifytest.RetryAfter, Wait: 30 * time.Second, Says: "429"},
		{Name: "rate-limited-for-ever", Arrange: h.answers(429, http.Header{"Retry-After": {"999999999"}}, "rate_limited"),
			Want: notifytest.RetryAfter, Wait: time.Hour, Says: "429"},
		{Name: "rate-limited-in-words", Arrange: h.answers(429, http.Header{"Retry-After": {"soon"}}, "rate_limited"), Want: notifytest.Retry, Says: "429"},
		{Name: "rate-limited-until", Arrange: h.answers(429, http.Header{"Retry-After": {"Fri, 01 Jan 2100 00:00:00 GMT"}}, "rate_limited"),
			Want: notifytest.RetryAfter, Wait: time.Hour, Says: "429"},
		{Name: "server-error", Arrange: h.answers(503, nil, "<html>"), Want: notifytest.Retry, Says: "503"},
		{Name: "redirect", Arrange: h.answers(302, http.Header{"Location": {"https://login.example.com/"}}, ""),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-slack", Arrange: h.answers(200, nil, "<html>Welcome to our network</html>"), Want: notifytest.AnswerLost, Says: "not Slack's"},
		{Name: "nothing", Arrange: h.answers(200, nil, "{}"), Want: notifytest.AnswerLost, Says: "not Slack's"},
		{Name: "cut", Arrange: h.answers(200, nil, `{"ok":`), Want: notifytest.AnswerLost, Says: "not Slack's"},
		{Name: "broken-off", Arrange: h.answers(200, http.Header{"Content-Length": {"100"}}, `{"ok":`), Want: notifytest.AnswerLost},
		{Name: "empty", Arrange: h.answers(200, nil, ""), Want: notifytest.AnswerLost, Says: "not Slack's"},
		{Name: "answer-lost", Arrange: h.arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return h.account(notifytest.Detour(notifytest.ClosedPort(t), hosts...))
		}, Want: notifytest.Retry, Says: "connection refused"},
	}
	if h.Webhooks {
		return append(faults, h.webhookFaults()...)
	}
	return append(faults, h.apiFaults()...)
}

// apiFaults are the error codes of chat.postMessage, all of them with status 200.
func (h Harness) apiFaults() []notifytest.Fault {
	var faults []notifytest.Fault
	for word, want := range map[string]notifytest.Kind{
		"not_authed": notifytest.BadCredential, "invalid_auth": notifytest.BadCredential, "account_inactive": notifytest.BadCredential,
		"token_revoked": notifytest.BadCredential, "token_expired": notifytest.BadCredential, "missing_scope": notifytest.BadCredential,
		"not_allowed_token_type": notifytest.BadCredential, "team_access_not_granted": notifytest.BadCredential,
		"channel_not_found": notifytest.Permanent, "not_in_channel": notifytest.Permanent, "is_archived": notifytest.Permanent,
		"restricted_action": notifytest.Permanent, "msg_too_long": notifytest.Permanent, "msg_blocks_too_long": notifytest.Permanent,
		"invalid_blocks": notifytest.Permanent, "a_word_of_tomorrow": notifytest.Permanent, "no\nword\x00": notifytest.Permanent,
		"ratelimited": notifytest.Retry, "message_limit_exceeded": notifytest.Retry, "service_unavailable": notifytest.Retry,
		"team_added_to_org": notifytest.Retry, "request_timeout": notifytest.Retry,
		"internal_error": notifytest.AnswerLost, "fatal_error": notifytest.AnswerLost,
	} {
		body, err := json.Marshal(map[string]any{"ok": false, "error": word})
		if err != nil {
			panic(err) // codes are strings
		}
		says := strings.Fields(word)[0]
		faults = append(faults, notifytest.Fault{Name: says, Arrange: h.answers(200, nil, string(body)), Want: want, Says: says})
	}
	wrong := func(t *testing.T) notifytest.Account {
		a := h.Start(t)
		a.Credential = notify.Credential{"token": secret.New("xoxb-some-other-token")}
		a.Secrets = []string{"xoxb-some-other-token"}
		return a
	}
	unknown := func(t *testing.T) notifytest.Account {
		a := h.Start(t)
		a.Addresses = []string{"#nowhere"}
		return a
	}
	return append(faults,
		notifytest.Fault{Name: "wrong-token", Arrange: wrong, Want: notifytest.BadCredential, Says: "bot token"},
		notifytest.Fault{Name: "unknown-channel", Arrange: unknown, Want: notifytest.Permanent, Says: "invite the app"})
}

// webhookFaults are the error codes of incoming webhooks, with their statuses.
func (h Harness) webhookFaults() []notifytest.Fault {
	var faults []notifytest.Fault
	for _, f := range []struct {
		code int
		word string
		want notifytest.Kind
	}{
		{400, "invalid_payload", notifytest.Permanent}, {400, "user_not_found", notifytest.Permanent}, {400, "no_text", notifytest.Permanent},
		{400, "too_many_attachments", notifytest.Permanent}, {403, "action_prohibited", notifytest.Permanent},
		{403, "posting_to_general_channel_denied", notifytest.Permanent}, {404, "channel_not_found", notifytest.Permanent},
		{410, "channel_is_archived", notifytest.Permanent}, {404, "no_service", notifytest.BadCredential},
		{404, "no_service_id", notifytest.BadCredential}, {404, "no_active_hooks", notifytest.BadCredential},
		{404, "no_team", notifytest.BadCredential}, {403, "team_disabled", notifytest.BadCredential},
		{403, "invalid_token", notifytest.BadCredential}, {500, "rollup_error", notifytest.Retry},
	} {
		faults = append(faults, notifytest.Fault{Name: f.word, Arrange: h.answers(f.code, nil, f.word), Want: f.want, Says: f.word})
	}
	removed := func(t *testing.T) notifytest.Account {
		a := h.Start(t)
		a.Credential = notify.Credential{"url": secret.New("https://hooks.slack.com/services/T0/B0/gone-for-good")}
		a.Addresses, a.Secrets = []string{""}, []string{"gone-for-good"}
		return a
	}
	return append(faults,
		notifytest.Fault{Name: "a-word-of-tomorrow", Arrange: h.answers(400, nil, webhookPath), Want: notifytest.Permanent, Says: "400"},
		notifytest.Fault{Name: "removed", Arrange: removed, Want: notifytest.BadCredential, Says: "make a new one"})
}

func (h Harness) answers(code int, header http.Header, body string) func(*testing.T) notifytest.Account {
	return h.arrange(notifytest.Answers(code, header, body))
}

func (h Harness) arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return h.account(client(t, handler)) }
}
