package registry_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
)

// refusal is an answer of a service that is not what its status says, or that says in the service's own way
// how long to wait.
type refusal struct {
	what    string
	service string
	harness string // of harnesses
	code    int
	header  map[string]string
	body    string
	want    notifytest.Kind
	wait    time.Duration
}

const (
	retry, retryAfter = notifytest.Retry, notifytest.RetryAfter
	permanent         = notifytest.Permanent
	badCredential     = notifytest.BadCredential
	answerLost        = notifytest.AnswerLost
)

// dialects are the refusals of the services, by service. Those without HTTP have a conversation below.
var dialects = []refusal{
	{"float seconds in the body", "discord", "webhooks", 429, map[string]string{"Retry-After": "1"}, `{"retry_after":1.5,"global":false}`, retryAfter, 1500 * time.Millisecond},
	{"the header is longer", "discord", "webhooks", 429, map[string]string{"Retry-After": "65"}, `{"retry_after":64.57}`, retryAfter, 65 * time.Second},
	{"no number", "discord", "webhooks", 429, map[string]string{"Retry-After": "NaN"}, `{"retry_after":-1}`, retryAfter, 10 * time.Minute},
	{"a limit that is a 400", "discord", "webhooks", 400, nil, `{"code":20028,"retry_after":3}`, retryAfter, 3 * time.Second},
	{"a bad URL that is a 404", "discord", "webhooks", 404, nil, `{"code":10015}`, badCredential, 0},
	{"a filter that is a 403", "discord", "webhooks", 403, nil, `{"code":50013}`, permanent, 0},
	{"blocked by the front server", "discord", "webhooks", 403, nil, `error code: 1015`, retryAfter, 10 * time.Minute},
	{"a 429 of the front server", "discord", "webhooks", 429, nil, `<html>`, retryAfter, 10 * time.Minute},
	{"not saved", "discord", "webhooks", 204, nil, ``, answerLost, 0},
	{"final by the first code alone", "email", "no login", 0, nil, `550 4.7.1 come back`, retryAfter, 5 * time.Minute},
	{"for now by the first code alone", "email", "no login", 0, nil, `450 5.1.1 nobody`, permanent, 0},
	{"one code", "email", "no login", 0, nil, `550 nobody`, permanent, 0},
	{"full, which ends", "email", "no login", 0, nil, `552 full`, retry, 0},
	{"refused for want of a login", "email", "no login", 0, nil, `550 5.7.1 no relaying`, badCredential, 0},

	{"no wait", "googlechat", "webhooks", 429, nil, `{"error":{"status":"RESOURCE_EXHAUSTED"}}`, retry, 0},
	{"deleted, a 404", "googlechat", "webhooks", 404, nil, `{"error":{"status":"NOT_FOUND"}}`, badCredential, 0},
	{"a portal's 200", "googlechat", "webhooks", 200, nil, `<html>`, answerLost, 0},

	{"seconds in the header", "matrix", "bot", 429, map[string]string{"Retry-After": "2"}, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}`, retryAfter, 2 * time.Second},
	{"milliseconds in the body", "matrix", "bot", 429, nil, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}`, retryAfter, 1500 * time.Millisecond},
	{"for ever", "matrix", "bot", 429, nil, `{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1e300}`, retryAfter, time.Hour},
	{"no wait", "matrix", "bot", 429, nil, `<html>`, retry, 0},
	{"a limit that is a 403", "matrix", "bot", 403, nil, `{"errcode":"M_RESOURCE_LIMIT_EXCEEDED"}`, retry, 0},
	{"deactivated, a 403", "matrix", "bot", 403, nil, `{"errcode":"M_USER_DEACTIVATED"}`, badCredential, 0},
	{"locked, a 401", "matrix", "bot", 401, nil, `{"errcode":"M_USER_LOCKED","soft_logout":true}`, permanent, 0},
	{"not a homeserver, a 404", "matrix", "bot", 404, nil, `<html>`, permanent, 0},
	{"a portal's 200", "matrix", "bot", 200, nil, `<html>`, retry, 0},

	{"seconds in the header", "mattermost", "bot", 429, map[string]string{"Retry-After": "2"}, `limit exceeded`, retryAfter, 2 * time.Second},
	{"seconds in another header", "mattermost", "bot", 429, map[string]string{"X-RateLimit-Reset": "3"}, `limit exceeded`, retryAfter, 3 * time.Second},
	{"the first one is being posted", "mattermost", "bot", 500, nil, `{"id":"api.post.deduplicate_create_post.pending"}`, retry, 0},
	{"disabled, a 501", "mattermost", "incoming webhooks", 501, nil, `{"id":"web.incoming_webhook.disabled.app_error"}`, permanent, 0},
	{"a bad URL that is a 400", "mattermost", "incoming webhooks", 400, nil, `{"id":"web.incoming_webhook.invalid.app_error"}`, badCredential, 0},
	{"locked, a 403", "mattermost", "incoming webhooks", 403, nil, `{"id":"web.incoming_webhook.channel_locked.app_error"}`, permanent, 0},
	{"a portal's 200", "mattermost", "incoming webhooks", 200, nil, `<html>`, answerLost, 0},

	{"no wait", "pagerduty", "default", 429, nil, ``, retryAfter, 2 * time.Minute},
	{"a bad key that is a 400", "pagerduty", "default", 400, nil, `{"status":"invalid event","errors":["Invalid routing key"]}`, badCredential, 0},
	{"a bad key in words of today", "pagerduty", "region EU", 400, nil, `{"status":"invalid event","errors":"Length of 'routing_key' is incorrect (should be 32 characters)"}`, badCredential, 0},
	{"a bad event", "pagerduty", "default", 400, nil, `{"status":"invalid event","errors":["'payload.summary' is missing or blank"]}`, permanent, 0},
	{"an error in a 202", "pagerduty", "default", 202, nil, `{"status":"throttle exceeded"}`, answerLost, 0},
	{"a portal's 200", "pagerduty", "default", 200, nil, `<html>`, answerLost, 0},

	{"milliseconds in the body", "rocketchat", "bot", 429, nil, `{"success":false,"details":{"timeToReset":2500}}`, retryAfter, 2500 * time.Millisecond},
	{"an epoch in milliseconds", "rocketchat", "bot", 429, map[string]string{"X-RateLimit-Reset": "946684804000"}, `{"success":false}`, retryAfter, 4 * time.Second},
	{"seconds in the text", "rocketchat", "bot", 429, nil, `{"success":false,"error":"You must wait 5 seconds before"}`, retryAfter, 5 * time.Second},
	{"an error in a 200", "rocketchat", "bot", 200, nil, `{"success":false,"errorType":"error-not-allowed"}`, permanent, 0},
	{"disabled, a 503", "rocketchat", "integrations", 503, nil, `{"success":false,"error":"disabled"}`, retryAfter, 15 * time.Minute},
	{"a proxy's 503", "rocketchat", "integrations", 503, nil, `<html>`, retry, 0},
	{"a bad URL that is a 400", "rocketchat", "integrations", 400, nil, `{"success":false,"error":"Invalid integration id or token provided."}`, badCredential, 0},

	{"seconds in the header", "slack", "bot token", 429, map[string]string{"Retry-After": "30"}, ``, retryAfter, 30 * time.Second},
	{"an error in a 200", "slack", "bot token", 200, nil, `{"ok":false,"error":"channel_not_found"}`, permanent, 0},
	{"a wait in a 200", "slack", "bot token", 200, nil, `{"ok":false,"error":"ratelimited"}`, retry, 0},
	{"posted, perhaps", "slack", "bot token", 200, nil, `{"ok":false,"error":"fatal_error"}`, answerLost, 0},
	{"an error in words", "slack", "incoming webhooks", 404, nil, `no_service`, badCredential, 0},
	{"a portal's 200", "slack", "incoming webhooks", 200, nil, `<html>`, answerLost, 0},

	{"seconds in the header", "teams", "workflows", 429, map[string]string{"Retry-After": "5"}, ``, retryAfter, 5 * time.Second},
	{"no wait", "teams", "workflows", 429, nil, `{"error":{"code":"TooManyRequests"}}`, retry, 0},
	{"deleted, a 404", "teams", "workflows", 404, nil, `{"error":{"code":"WorkflowNotFound"}}`, badCredential, 0},
	{"turned off, a 400", "teams", "workflows", 400, nil, `{"error":{"code":"WorkflowTriggerIsNotEnabled"}}`, permanent, 0},
	{"a portal's 200", "teams", "workflows", 200, map[string]string{"Content-Type": "text/html"}, `<html>`, answerLost, 0},

	{"seconds in the body", "telegram", "bot", 429, nil, `{"ok":false,"error_code":429,"parameters":{"retry_after":7}}`, retryAfter, 7 * time.Second},
	{"hours in the body", "telegram", "bot", 429, nil, `{"ok":false,"error_code":429,"parameters":{"retry_after":7200}}`, retryAfter, time.Hour},
	{"a bad token that is a 404", "telegram", "bot", 404, nil, `{"ok":false,"error_code":404,"description":"Not Found"}`, badCredential, 0},
	{"kicked, a 403", "telegram", "bot", 403, nil, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked"}`, permanent, 0},
	{"an error in a 200", "telegram", "bot", 200, nil, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, permanent, 0},
	{"a portal's 200", "telegram", "bot", 200, nil, `<html>`, answerLost, 0},

	{"seconds in the header", "webhook", "JSON", 503, map[string]string{"Retry-After": "7"}, ``, retryAfter, 7 * time.Second},
	{"a date in the header", "webhook", "JSON", 503, map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:00:40 GMT"}, ``, retryAfter, 40 * time.Second},
	{"gone", "webhook", "JSON", 410, nil, ``, permanent, 0},

	{"float seconds in the body", "zulip", "bot", 429, nil, `{"result":"error","code":"RATE_LIMIT_HIT","retry-after":28.7}`, retryAfter, 28700 * time.Millisecond},
	{"float seconds in the header", "zulip", "bot", 429, map[string]string{"Retry-After": "1.25"}, `{"result":"error","code":"RATE_LIMIT_HIT","retry-after":null}`, retryAfter, 1250 * time.Millisecond},
	{"an epoch in seconds", "zulip", "bot", 429, map[string]string{"X-RateLimit-Reset": "946684804"}, `slow down`, retryAfter, 4 * time.Second},
	{"no number", "zulip", "bot", 429, map[string]string{"Retry-After": "NaN"}, `{"result":"error"}`, retry, 0},
	{"deactivated, a 403", "zulip", "bot", 403, nil, `{"result":"error","code":"REALM_DEACTIVATED"}`, badCredential, 0},
	{"denied, a 403", "zulip", "bot", 403, nil, `{"result":"error","code":"BAD_REQUEST"}`, permanent, 0},
	{"no organization, a 404", "zulip", "bot", 404, nil, `{"result":"error","code":"NONEXISTENT_SUBDOMAIN"}`, badCredential, 0},
	{"an error in a 200", "zulip", "bot", 200, nil, `{"result":"error","code":"STREAM_DOES_NOT_EXIST"}`, permanent, 0},
	{"no message in a 200", "zulip", "bot", 200, nil, `{"result":"success"}`, answerLost, 0},
	{"a portal's 200", "zulip", "bot", 200, nil, `<html>`, answerLost, 0},
}

// TestDialects sends a message to each service and gives it one answer. The clock stands at the beginning of
// the year 2000, for answers with a time.
func TestDialects(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.service+"/"+d.harness+"/"+d.what, func(t *testing.T) {
			h, ok := harnesses[d.service][d.harness]
			if !ok {
				t.Fatal("there is no such harness")
			}
			account := h.Start(t)
			synctest.Test(t, func(t *testing.T) {
				err := answered(t, h.Service(), account, d)
				if got := notifytest.KindOf(err); err == nil || got != d.want {
					t.Errorf("%q, want %q: %v", got, d.want, err)
				}
				if wait, _ := notify.RetryAfterOf(err); wait != d.wait {
					t.Errorf("waits %v, want %v: %v", wait, d.wait, err)
				}
			})
		})
	}
}

// answered is the error of a message to which the service gives the answer d.
func answered(t *testing.T, s notify.Service, account notifytest.Account, d refusal) error {
	t.Helper()
	address, err := s.Address(account.Config, account.Credential, account.Addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.New(account.Config, account.Credential, notify.Deps{HTTP: &http.Client{Transport: d}, Dial: d.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	_, err = n.Notify(t.Context(), notify.Message{ID: strings.Repeat("0", 32), Address: address, Text: "passed", Route: "a/b"})
	return err
}

// RoundTrip implements http.RoundTripper.
func (d refusal) RoundTrip(*http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {"text/plain"}}
	if json.Valid([]byte(d.body)) {
		header.Set("Content-Type", "application/json")
	}
	for name, value := range d.header {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: d.code, Header: header, Body: io.NopCloser(strings.NewReader(d.body))}, nil
}

// conversations are servers without HTTP, which refuse the message with the words of the refusal.
var conversations = map[string]func(conn net.Conn, refusal string){
	"email": func(conn net.Conn, refusal string) {
		answers := map[string]string{"EHLO": "250 mail.test", "MAIL": "250 ok", "RCPT": refusal}
		_, _ = io.WriteString(conn, "220 mail.test\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			_, _ = io.WriteString(conn, cmp.Or(answers[lines.Text()[:4]], "500 unexpected")+"\r\n")
		}
	},
}

// dial is a notify.Dialer.
func (d refusal) dial(context.Context, string, string) (net.Conn, error) {
	conversation, ok := conversations[d.service]
	if !ok {
		return nil, errors.New("the service has no conversation")
	}
	client, server := net.Pipe()
	go func() {
		conversation(server, d.body)
		_ = server.Close()
	}()
	return client, nil
}
