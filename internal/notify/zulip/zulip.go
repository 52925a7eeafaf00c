// Package zulip sends messages to the topics of Zulip's channels as a bot. docs/services/zulip.md is its reference.
package zulip

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/text"
)

// The keys of the Secret, as in a zuliprc, the file that Zulip offers for a bot.
const (
	keyKey   = "key"
	emailKey = "email"
	siteKey  = "site"
)

// Service is Zulip.
var Service = notify.OverHTTP(notify.Service{
	Name:  "zulip",
	Title: "Zulip", Summary: "topics of its channels, as a bot",
	Keys: []notify.Key{
		{Name: keyKey, Required: true, Doc: "The bot's API key."},
		{Name: emailKey, Required: true, Doc: "The bot's e-mail address, which Zulip shows with its key."},
		{Name: siteKey, Doc: "The organization's URL, as a zuliprc file names it; takes precedence over the account's field server."},
		{Name: notify.KeyServer, Doc: "The same as site, and takes precedence over it."},
	},
	Forms:    []notify.Capabilities{{Edit: true, Mention: true, Proof: notify.Shown, Longest: maxText}},
	Check:    check,
	Address:  address,
	Person:   person,
	Endpoint: endpoint,
	New:      newNotifier,
})

// config is the account's block.
type config struct {
	Server string `json:"server"`
}

func server(raw json.RawMessage, credential notify.Credential) (string, error) {
	var c config
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", fmt.Errorf("zulip block: %w", err)
	}
	if trimmed(credential, notify.KeyServer) == "" && trimmed(credential, siteKey) != "" {
		base, err := notify.ServerURL("", notify.Credential{notify.KeyServer: credential[siteKey]})
		if err != nil {
			return "", errors.New("the key site of the account's Secret is not a URL: write it as https://example.zulipchat.com")
		}
		return base, nil
	}
	return notify.ServerURL(c.Server, credential)
}

func trimmed(credential notify.Credential, key string) string {
	return strings.TrimSpace(credential[key].Reveal())
}

var (
	keyPattern   = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)
	emailPattern = regexp.MustCompile(`^[^@\s:]+@[^@\s:]+$`)
)

func check(raw json.RawMessage, credential notify.Credential) error {
	key, email := trimmed(credential, keyKey), trimmed(credential, emailKey)
	switch {
	case key == "":
		return errors.New("the account's Secret has no API key: put the bot's under the key key")
	case strings.Contains(key, "[api]"):
		return errors.New("the key key of the account's Secret has a whole zuliprc file: put its lines email, key and site under the keys of these names")
	case strings.HasPrefix(key, "https://"), strings.HasPrefix(key, "http://"):
		return errors.New("the key key of the account's Secret has a URL, such as an integration's: put the bot's API key there alone")
	case strings.Contains(key, "@"):
		return errors.New("the key key of the account's Secret has an e-mail address, which belongs under the key email")
	case strings.HasPrefix(key, "xox"):
		return errors.New("the key key of the account's Secret has a token of Slack, not of Zulip")
	case !keyPattern.MatchString(key):
		return errors.New("the key key of the account's Secret has no API key, which is 32 letters and digits: " +
			"copy it from the bot's card in Zulip's settings, under Bots")
	case email == "":
		return errors.New("the account's Secret has an API key and no e-mail address: put the bot's, which is shown with the key, under the key email")
	case !emailPattern.MatchString(email):
		return errors.New("the key email of the account's Secret is not an e-mail address: it is the bot's, such as ci-bot@example.zulipchat.com, not its name")
	}
	_, err := server(raw, credential)
	return err
}

// maxTopic and maxChannel are Zulip's limits, in characters.
const (
	maxTopic   = 60
	maxChannel = 60
)

// address normalizes CHANNEL or CHANNEL>TOPIC: a channel's name or ID, and a topic. Zulip does not distinguish
// the case of a channel's name.
func address(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
	channel, topic, hasTopic := strings.Cut(strings.TrimPrefix(address, "#"), ">")
	channel, topic = strings.TrimSpace(channel), strings.TrimSpace(topic)
	switch {
	case channel == "" || !plain(address, maxChannel+maxTopic+10) || !plain(channel, maxChannel) || strings.HasPrefix(channel, "https:"):
		return "", fmt.Errorf("%.100q is not a Zulip channel: write its name or ID, and for a topic of it add > and the topic, such as builds>releases", address)
	case hasTopic && topic == "":
		return "", fmt.Errorf("%.100q has no topic after the >: without the >, each repository has its own", address)
	case !plain(topic, maxTopic):
		return "", fmt.Errorf("%.100q has a topic of more than %d characters", address, maxTopic)
	}
	if hasTopic {
		return strings.ToLower(channel) + ">" + topic, nil
	}
	return strings.ToLower(channel), nil
}

// plain reports whether s has at most limit characters, all of which are seen.
func plain(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && text.Line(s) == s
}

// endpoint is a topic that the bot sends to. Zulip does not distinguish the case of a topic.
func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	base, err := server(raw, credential)
	if err != nil {
		base = ""
	}
	return []string{notify.SameURL(base), trimmed(credential, emailKey), trimmed(credential, keyKey), strings.ToLower(address)}
}

type notifier struct {
	http  *http.Client
	base  string
	login secret.Value // for the header Authorization
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	base, err := server(raw, credential)
	if err != nil {
		return nil, err
	}
	var r http.Request
	r.Header = http.Header{}
	r.SetBasicAuth(trimmed(credential, emailKey), trimmed(credential, keyKey))
	return &notifier{http: deps.HTTP, base: base, login: secret.New(r.Header.Get("Authorization"))}, nil
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update == nil {
		return n.post(ctx, m, show(m))
	}
	if !handlePattern.MatchString(m.Update.Handle) {
		return notify.Receipt{}, notify.Gone(errors.New("the handle of the earlier message is not Zulip's"))
	}
	edited := m
	edited.Mention = "" // an edit notifies only those whom it mentions anew
	_, err := n.call(ctx, http.MethodPatch, "/api/v1/messages/"+m.Update.Handle, url.Values{"content": {show(edited)}})
	if err != nil {
		return notify.Receipt{}, notify.Refused(err)
	}
	if len(m.Update.Reply) > 0 {
		if _, err := n.post(ctx, m, showReply(m.Update.Reply, m.Mention)); err != nil {
			return notify.Receipt{}, err
		}
	}
	return notify.Receipt{Handle: m.Update.Handle}, nil
}

// handlePattern is a message's ID.
var handlePattern = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// post sends content to the topic of the message's address, which is the repository's unless the address names one.
func (n *notifier) post(ctx context.Context, m notify.Message, content string) (notify.Receipt, error) {
	channel, topic, _ := strings.Cut(m.Address, ">")
	r, err := n.call(ctx, http.MethodPost, "/api/v1/messages", url.Values{
		"type": {"stream"}, // which servers of before 2024 understand too
		"to":   {recipient(channel)}, "topic": {cmp.Or(topic, topicOf(m))}, "content": {content},
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	if r.ID <= 0 {
		return notify.Receipt{}, notify.AnswerLost(errNotZulip)
	}
	return notify.Receipt{Handle: strconv.FormatInt(r.ID, 10)}, nil
}

// recipient is a channel's ID, or its name in quotes, so that no name is read as anything else.
func recipient(channel string) string {
	if _, err := strconv.ParseUint(channel, 10, 31); err == nil {
		return channel
	}
	quoted, _ := json.Marshal(channel) // of a string
	return string(quoted)
}

func topicOf(m notify.Message) string {
	if m.Event.Repository.Name == "" {
		return "Travis CI"
	}
	return text.OneLine(m.Event.Repository.Slug(), maxTopic)
}

func (n *notifier) call(ctx context.Context, method, path string, form url.Values) (response, error) {
	answer, err := notify.Send(ctx, n.http, notify.Request{
		Method: method, URL: n.base + path, Body: []byte(form.Encode()), Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {n.login.Reveal()},
		},
	})
	if err != nil {
		return response{}, err
	}
	return read(answer)
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
