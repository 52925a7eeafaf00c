package discord

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

const (
	reference = "../../../docs/services/discord.md"
	hook      = "https://discord.com/api/webhooks/1000000000000000001/q7ZsVw3dGkRt_hJ4mXc8pLbNy"
)

func TestAddress(t *testing.T) {
	credential := notify.Credential{
		"url": secret.New(hook + "\n"), "builds": secret.New(strings.Replace(hook, "/api/", "/api/v9/", 1)),
		"other": secret.New(strings.Replace(hook, "0001", "0002", 1)), "password": secret.New("x"),
	}
	for address, want := range map[string]string{
		"": "builds", "url": "builds", "builds": "builds", "other": "other", "/1000000000000000009": "builds/1000000000000000009",
		"other/1000000000000000009": "other/1000000000000000009",
		"password":                  "", "none": "", "other/x": "", "other/": "",
	} {
		got, err := Service.Address([]byte(`{}`), credential, address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Address(%q) = %q, %v; want %q", address, got, err, want)
		}
	}
}

// TestLayout compares the whole message.
func TestLayout(t *testing.T) {
	got := toAny(t, show(notify.Message{
		Level: notify.Bad, Route: "team-a/example", Text: "unused",
		Spans: []notify.Span{{Text: "[example/example] build/123", URL: "https://travis.example/123"}, {Text: ": broken & <@1> by @here"}},
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: "feature_*x*"}},
			{Name: "Commit", Value: notify.Span{Text: "fix: all", URL: "https://git.example/a(b)"}},
			{Name: "Tag"},
		},
		Event: travis.Event{Build: travis.Build{Finished: time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)}},
	}))
	var want any
	if err := json.Unmarshal([]byte(`{
		"content": "[\\[example/example\\] build/123](<https://travis.example/123>): broken \\& \\<\\@1> by \\@here",
		"embeds": [{"color": 14687834, "timestamp": "2026-11-03T12:00:00Z", "footer": {"text": "team-a/example"}, "fields": [
			{"name": "Branch", "value": "feature\\_\\*x\\*", "inline": true},
			{"name": "Commit", "value": "[fix: all](<https://git.example/a%28b%29>)", "inline": true}
		]}],
		"allowed_mentions": {"parse": []}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func toAny(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// answering is a notifier whose server gives one answer and counts the requests.
func answering(t *testing.T, status int, body string) (n *notifier, requests *int) {
	t.Helper()
	requests = new(int)
	return &notifier{
		credential: notify.Credential{"url": secret.New(hook)}, tally: &tally{},
		http: &http.Client{Transport: roundTrip(func(*http.Request) *http.Response {
			*requests++
			w := httptest.NewRecorder()
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return w.Result()
		})},
	}, requests
}

type roundTrip func(*http.Request) *http.Response

func (r roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return r(req), nil }

func TestADeletedWebhookIsNotCalledAgain(t *testing.T) {
	n, requests := answering(t, 404, `{"code":10015}`)
	for range 3 {
		if _, err := n.Notify(t.Context(), notify.Message{Address: "url", Text: "x"}); !notify.IsBadCredential(err) {
			t.Errorf("got %v", err)
		}
	}
	if *requests != 1 {
		t.Errorf("%d requests, want one", *requests)
	}
}

// TestItStopsBeforeTheAddressIsBlocked: the count is that of all accounts of the process, of which a namespace gets half.
func TestItStopsBeforeTheAddressIsBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, requests := answering(t, 403, `{"code":50013}`)
		n.namespace = "team-a"
		send := func() error {
			_, err := n.Notify(t.Context(), notify.Message{Address: "url", Text: "x"})
			return err
		}
		for range tallyLimit {
			_ = send()
		}
		time.Sleep(time.Minute)
		if wait, ok := notify.RetryAfterOf(send()); !ok || wait != tallyWindow-time.Minute || *requests != tallyLimit/2 {
			t.Errorf("waits %v after %d requests", wait, *requests)
		}
		if n.tally.check("another") != nil {
			t.Error("one namespace stops another")
		}
		time.Sleep(tallyWindow)
		if err := send(); !notify.IsPermanent(err) || *requests != tallyLimit/2+1 {
			t.Errorf("%v after %d requests, want another one", err, *requests)
		}
	})
	if (&tally{}).check("team-a") != nil {
		t.Error("nothing was counted yet")
	}
	all := &tally{}
	for i := range tallyLimit {
		all.count(fmt.Sprint("team-", i), notify.Answer{Status: 401})
	}
	if all.check("another") == nil {
		t.Error("all namespaces together are not limited")
	}
	administrator := &tally{}
	for range tallyLimit - 1 {
		administrator.count("", notify.Answer{Status: 401})
	}
	if administrator.check("") != nil {
		t.Error("the administrator's accounts are limited like a tenant's")
	}
	shared := &tally{}
	shared.count("team-a", notify.Answer{Status: 429, Header: http.Header{"X-Ratelimit-Scope": {"shared"}}})
	if shared.bad != 0 {
		t.Error("a shared limit counts")
	}
}

// TestAnAccountsProxyDoesNotStopTheOthers: its owner may write any answer, and Discord sees another address.
func TestAnAccountsProxyDoesNotStopTheOthers(t *testing.T) {
	var made notify.Notifier
	service := notify.OverHTTP(notify.Service{New: func(config json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
		var err error
		made, err = newNotifier(config, credential, deps)
		return made, err
	}})
	for proxy, shares := range map[string]bool{"": true, "http://proxy.example.com:3128": false} {
		credential := notify.Credential{"url": secret.New(hook), notify.KeyProxy: secret.New(proxy)}
		if _, err := service.New(nil, credential, notify.Deps{HTTP: notify.NewClient(notify.Options{})}); err != nil {
			t.Fatal(err)
		}
		if n, ok := made.(*notifier); !ok || (n.tally == &ofProcess) != shares {
			t.Errorf("proxy %q: counts with all accounts, want %v", proxy, shares)
		}
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for code, m := range meanings {
		if !strings.Contains(string(page), "`"+strconv.Itoa(code)+"`") {
			t.Errorf("%s does not explain %d: %s", reference, code, m.advice)
		}
	}
	for code, why := range gone {
		if !strings.Contains(string(page), "`"+strconv.Itoa(code)+"`") {
			t.Errorf("%s does not explain %d: %s", reference, code, why)
		}
	}
}
