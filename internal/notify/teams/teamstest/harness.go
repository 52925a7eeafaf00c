// Package teamstest is the harness of Microsoft Teams, with a stand-in for a workflow.
package teamstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/internal/notify/teams"
	"github.com/travishook/travishook/internal/secret"
)

const (
	host      = "prod-12.westeurope.logic.azure.com:443"
	otherHost = "default0123456789.4e.environment.api.powerplatform.com"
	path      = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
	otherPath = "/powerautomate/automations/direct/workflows/fedcba9876543210/triggers/manual/paths/invoke"
	signature = "q7ZsVw3dGkRthJ4mXc8pLbNy-0123456789_abcdef"
)

// Harness tests the webhooks of workflows.
type Harness struct{}

var _ notifytest.Harness = Harness{}

// Service implements notifytest.Harness.
func (Harness) Service() notify.Service { return teams.Service }

// Start implements notifytest.Harness.
func (Harness) Start(t *testing.T) notifytest.Account {
	s := &standIn{}
	a := account(notifytest.Listen(t, s.serve))
	a.Received = s.rec.Wait
	return a
}

func hook(host, path string) string {
	return "https://" + host + path + "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + signature
}

func account(server string) notifytest.Account {
	return notifytest.Account{
		Config:     json.RawMessage(`{"secretRef":{"name":"teams"}}`),
		Credential: notify.Credential{"url": secret.New(hook(host, path) + "\n"), "release": secret.New(hook(otherHost, otherPath))},
		Addresses:  []string{"", "release"},
		Secrets:    []string{signature, path, otherPath},
		HTTP:       notifytest.Detour(server, host, otherHost),
	}
}

// standIn is the workflow "Send webhook alerts to a channel", written from Microsoft's documentation of
// Workflows and Adaptive Cards as of November 2026. It refuses what a workflow accepts and then drops.
type standIn struct{ rec notifytest.Recorder }

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	room, known := map[string]string{path: "url", otherPath: "release"}[r.URL.Path]
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":"of %s"}}`, code, signature)
	}
	raw, err := io.ReadAll(r.Body)
	var m message
	switch {
	case !known:
		refuse(http.StatusNotFound, "WorkflowNotFound")
		return
	case r.URL.Query().Get("sig") != signature || r.URL.Query().Get("sp") == "" || r.URL.Query().Get("api-version") == "":
		refuse(http.StatusUnauthorized, "DirectApiAuthorizationRequired")
		return
	case err != nil || json.Unmarshal(raw, &m) != nil || r.Header.Get("Content-Type") != "application/json":
		refuse(http.StatusBadRequest, "InvalidRequestContent")
		return
	case len(raw) > 28_000:
		refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	if err := m.check(); err != nil {
		refuse(http.StatusBadRequest, "InvalidCard")
		return
	}
	s.rec.Add(notifytest.Received{Address: room, Text: m.text(), Raw: raw})
	w.WriteHeader(http.StatusAccepted)
}

type message struct {
	Type        string `json:"type"`
	Summary     string `json:"summary"`
	Attachments []struct {
		ContentType string `json:"contentType"`
		Content     struct {
			Type    string                     `json:"type"`
			Version string                     `json:"version"`
			MSTeams map[string]json.RawMessage `json:"msteams"`
			Body    []element                  `json:"body"`
			Actions []action                   `json:"actions"`
		} `json:"content"`
	} `json:"attachments"`
}

type element struct {
	Type    string    `json:"type"`
	Style   string    `json:"style"`
	Items   []element `json:"items"`
	Inlines []struct {
		Type         string  `json:"type"`
		Text         string  `json:"text"`
		Weight       string  `json:"weight"`
		IsSubtle     bool    `json:"isSubtle"`
		SelectAction *action `json:"selectAction"`
	} `json:"inlines"`
	Text string `json:"text"`
}

type action struct{ Type, Title, URL string }

func (m *message) check() error {
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
		return errors.New("not a message with one card")
	}
	c := m.Attachments[0].Content
	if c.Type != "AdaptiveCard" || c.Version != "1.4" || len(c.Body) == 0 || len(c.Actions) > 6 {
		return errors.New("not a card")
	}
	for _, a := range c.Actions {
		if a.Type != "Action.OpenUrl" || a.Title == "" || a.URL == "" {
			return errors.New("not an action")
		}
	}
	return checkElements(c.Body)
}

func checkElements(all []element) error {
	for _, e := range all {
		switch {
		case e.Type == "Container" && len(e.Items) > 0:
			if err := checkElements(e.Items); err != nil {
				return err
			}
		case e.Type == "RichTextBlock" && len(e.Inlines) > 0:
			for _, run := range e.Inlines {
				if run.Type != "TextRun" || run.Text == "" || run.SelectAction != nil && (run.SelectAction.Type != "Action.OpenUrl" || run.SelectAction.URL == "") {
					return errors.New("not a text run")
				}
			}
		case e.Type == "TextBlock" && e.Text != "":
		default:
			return fmt.Errorf("an empty or unknown element %q", e.Type)
		}
	}
	return nil
}

// text is what people see.
func (m *message) text() string {
	var b strings.Builder
	each(m.Attachments[0].Content.Body, func(e element) {
		for _, run := range e.Inlines {
			b.WriteString(run.Text)
		}
		b.WriteString(e.Text + "\n")
	})
	return b.String()
}

func each(all []element, do func(element)) {
	for _, e := range all {
		do(e)
		each(e.Items, do)
	}
}

// Hang implements notifytest.Harness.
func (Harness) Hang(t *testing.T) (notifytest.Account, <-chan struct{}) {
	handler, reached := notifytest.Hangs()
	return account(notifytest.Listen(t, handler)), reached
}

// Cannot implements notifytest.Harness.
func (Harness) Cannot() map[notifytest.Kind]string { return nil }

// BadAccounts implements notifytest.Harness.
func (Harness) BadAccounts(*testing.T) []notifytest.BadAccount {
	bad := func(name, value, says string) notifytest.BadAccount {
		return notifytest.BadAccount{Name: name, Config: []byte(`{}`), Credential: notify.Credential{"url": secret.New(value)}, Says: says}
	}
	return []notifytest.BadAccount{
		bad("a connector", "https://example.webhook.office.com/webhookb2/0123/IncomingWebhook/"+signature, "Send webhook alerts to a channel"),
		bad("an old connector", "https://outlook.office.com/webhook/"+signature, "Microsoft retired"),
		bad("Slack's webhook", "https://hooks.slack.com/services/T0/B0/"+signature, "a URL of Slack"),
		bad("another host", "https://logic.azure.com.example.com"+path+"?sig="+signature, "whose host ends in"),
		bad("without a signature", "https://"+host+path, "sig="),
		bad("plain HTTP", "http://"+host+path+"?sig="+signature, "https://"),
		bad("no URL", signature, "https://"),
	}
}

// BadAddresses implements notifytest.Harness.
func (Harness) BadAddresses() []string {
	return []string{"#builds", "General", "no-such-key", "19:abc@thread.tacv2"}
}

// CheckShown implements notifytest.Harness. Text runs have no markup; the one text block is the time.
func (Harness) CheckShown(_ notify.Message, got notifytest.Received) error {
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return err
	}
	c := m.Attachments[0].Content
	if _, mentions := c.MSTeams["entities"]; mentions {
		return errors.New("the card may mention")
	}
	var err error
	check := func(text string) {
		for _, token := range []string{"{{", "<at", "</at"} {
			if strings.Contains(text, token) {
				err = fmt.Errorf("%q acts in %.200q", token, text)
			}
		}
		err = errors.Join(err, notifytest.CheckCharacters(text, true))
	}
	check(m.Summary)
	open := func(a *action) {
		if a != nil && !strings.HasPrefix(a.URL, "https://") {
			err = fmt.Errorf("an action opens %.100q", a.URL)
		}
	}
	each(c.Body, func(e element) {
		for _, run := range e.Inlines {
			check(run.Text)
			open(run.SelectAction)
		}
		if e.Type == "TextBlock" && e.Text != "{{DATE(2026-11-03T12:01:00Z, SHORT)}} {{TIME(2026-11-03T12:01:00Z)}}" {
			err = fmt.Errorf("a text block, which interprets Markdown, has %.200q", e.Text)
		}
	})
	for _, a := range c.Actions {
		open(&a)
	}
	return err
}

// Faults implements notifytest.Harness.
func (Harness) Faults() []notifytest.Fault {
	refused := func(status int, code string) func(*testing.T) notifytest.Account {
		return answers(status, nil, fmt.Sprintf(`{"error":{"code":%q,"message":"of %s"}}`, code, signature))
	}
	return []notifytest.Fault{
		{Name: "rate-limited", Arrange: answers(429, http.Header{"Retry-After": {"30"}}, `{}`), Want: notifytest.RetryAfter, Wait: 30 * time.Second, Says: "429"},
		{Name: "rate-limited-in-words", Arrange: refused(429, "TooManyRequests"), Want: notifytest.Retry, Says: "TooManyRequests"},
		{Name: "server-error", Arrange: refused(502, "BadGateway"), Want: notifytest.Retry, Says: "502"},
		{Name: "redirect", Arrange: answers(302, http.Header{"Location": {"https://login.microsoftonline.com/"}}, ""),
			Want: notifytest.Permanent, Says: "redirects are not followed"},
		{Name: "not-teams", Arrange: answers(200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, "<html>"), Want: notifytest.AnswerLost, Says: "not a workflow's"},
		{Name: "answer-lost", Arrange: arrange(notifytest.Drops), Want: notifytest.AnswerLost},
		{Name: "connection-refused", Arrange: func(t *testing.T) notifytest.Account {
			return account(notifytest.ClosedPort(t))
		}, Want: notifytest.Retry, Says: "connection refused"},
		{Name: "wrong-signature", Arrange: with("sig=", "sig=x"), Want: notifytest.BadCredential, Says: "copy its URL again"},
		{Name: "deleted", Arrange: with("/workflows/", "/workflows/0"), Want: notifytest.BadCredential, Says: "make a new one"},
		{Name: "turned-off", Arrange: refused(400, "WorkflowTriggerIsNotEnabled"), Want: notifytest.Permanent, Says: "turn it on"},
		{Name: "malformed", Arrange: refused(400, "InvalidRequestContent"), Want: notifytest.Permanent, Says: "InvalidRequestContent"},
	}
}

// with changes the URL.
func with(before, after string) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account {
		a := Harness{}.Start(t)
		a.Credential = notify.Credential{"url": secret.New(strings.Replace(hook(host, path), before, after, 1))}
		return a
	}
}

func answers(code int, header http.Header, body string) func(*testing.T) notifytest.Account {
	return arrange(notifytest.Answers(code, header, body))
}

func arrange(handler http.HandlerFunc) func(*testing.T) notifytest.Account {
	return func(t *testing.T) notifytest.Account { return account(notifytest.Listen(t, handler)) }
}
