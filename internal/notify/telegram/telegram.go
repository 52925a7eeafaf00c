// Package telegram sends messages to Telegram's chats as a bot. docs/services/telegram.md is its reference.
package telegram

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

const (
	tokenKey      = "token"
	defaultServer = "https://api.telegram.org"
)

// Service is Telegram.
var Service = notify.OverHTTP(notify.Service{
	Name:  "telegram",
	Title: "Telegram", Summary: "groups, their topics, and channels, as a bot",
	Keys: []notify.Key{
		{Name: tokenKey, Required: true, Doc: "The bot's token, from @BotFather."},
		{Name: notify.KeyServer, Doc: "The URL of your own Bot API server; takes precedence over the account's field server."},
	},
	Forms:    []notify.Capabilities{{Edit: true, Thread: true, Silent: true, Mention: true, Proof: notify.Shown, Longest: maxText}},
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
		return "", fmt.Errorf("telegram block: %w", err)
	}
	return notify.ServerURL(cmp.Or(c.Server, defaultServer), credential)
}

var tokenPattern = regexp.MustCompile(`^[0-9]{5,16}:[A-Za-z0-9_-]{30,50}$`)

func check(raw json.RawMessage, credential notify.Credential) error {
	if _, err := server(raw, credential); err != nil {
		return err
	}
	token := strings.TrimSpace(credential[tokenKey].Reveal())
	switch {
	case tokenPattern.MatchString(token):
		return nil
	case token == "":
		return errors.New("the account's Secret has no bot's token: put it under the key token")
	case tokenPattern.MatchString(strings.TrimPrefix(token, "bot")):
		return errors.New("the key token of the account's Secret begins with bot, which belongs to the URL only: remove it")
	case notify.ServiceOfURL(token) != "":
		return errors.New("the key token of the account's Secret has a URL of " + notify.ServiceOfURL(token) + ": put the bot's token there alone")
	}
	return errors.New("the key token of the account's Secret has no bot's token, which looks like 123456789:ABC…: " +
		"send /newbot, or /mybots and API Token, to @BotFather")
}

var addressPattern = regexp.MustCompile(`^(-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{3,31})(?:/([1-9][0-9]{0,9}))?$`)

// address normalizes CHAT or CHAT/TOPIC: a chat's ID or a public chat's @name, and a topic's ID.
func address(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
	if !addressPattern.MatchString(address) {
		return "", fmt.Errorf("%.100q is not a Telegram chat: write its ID, such as -1001234567890, or a public chat's name, such as @builds; "+
			"for a topic, add a slash and the topic's ID", address)
	}
	return strings.ToLower(address), nil
}

func endpoint(raw json.RawMessage, credential notify.Credential, address string) []string {
	base, err := server(raw, credential)
	if err != nil {
		base = defaultServer
	}
	return []string{notify.SameURL(base), strings.TrimSpace(credential[tokenKey].Reveal()), address}
}

type notifier struct {
	http  *http.Client
	base  string
	token secret.Value
	moved sync.Map // chat IDs of groups that became supergroups, by their former ID
}

func newNotifier(raw json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
	base, err := server(raw, credential)
	if err != nil {
		return nil, err
	}
	return &notifier{http: deps.HTTP, base: base, token: secret.New(strings.TrimSpace(credential[tokenKey].Reveal()))}, nil
}

// request is the body of sendMessage and editMessageText.
type request struct {
	ChatID              json.RawMessage `json:"chat_id"` // a number or a name
	MessageThreadID     int64           `json:"message_thread_id,omitempty"`
	MessageID           int64           `json:"message_id,omitempty"`
	Text                string          `json:"text"`
	Entities            []entity        `json:"entities,omitempty"`
	LinkPreviewOptions  linkPreview     `json:"link_preview_options"`
	DisableNotification bool            `json:"disable_notification,omitempty"`
	ReplyParameters     *reply          `json:"reply_parameters,omitempty"`
}

type linkPreview struct {
	IsDisabled bool `json:"is_disabled"`
}

type reply struct {
	MessageID int64 `json:"message_id"`
	// AllowSendingWithoutReply posts to the chat if the message was deleted.
	AllowSendingWithoutReply bool `json:"allow_sending_without_reply"`
}

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update == nil {
		return n.send(ctx, m.Address, request{DisableNotification: m.Silent}.with(show(m)))
	}
	earlier, err := parseHandle(m.Update.Handle)
	if err != nil {
		return notify.Receipt{}, err
	}
	edit := m
	edit.Mention = "" // an edit notifies nobody
	edited, err := n.send(ctx, m.Address, request{MessageID: earlier}.with(show(edit)))
	if err != nil {
		return notify.Receipt{}, notify.Refused(err)
	}
	s := show(m)
	switch {
	case m.Update.Thread:
	case len(m.Update.Reply) > 0:
		s = showReply(m.Update.Reply, m.Mention)
	default:
		return edited, nil
	}
	r := request{ReplyParameters: &reply{earlier, true}, DisableNotification: m.Silent}
	replied, err := n.send(ctx, m.Address, r.with(s))
	if err != nil {
		return notify.Receipt{}, err
	}
	if edited.Note == "" {
		edited.Note = replied.Note
	}
	return edited, nil
}

func (r request) with(s shown) request {
	r.Text, r.Entities, r.LinkPreviewOptions.IsDisabled = s.text, s.entities, true
	return r
}

func parseHandle(handle string) (int64, error) {
	id, err := strconv.ParseInt(handle, 10, 64)
	if err != nil || id <= 0 || strconv.FormatInt(id, 10) != handle {
		return 0, notify.Gone(errors.New("the handle of the earlier message is not Telegram's"))
	}
	return id, nil
}

// send sends r, or an edit if it has a message's ID. If a group became a supergroup, which has another ID, it
// sends there, and says so.
func (n *notifier) send(ctx context.Context, address string, r request) (notify.Receipt, error) {
	chat, topic, _ := strings.Cut(address, "/")
	if r.MessageID == 0 && topic != "" {
		r.MessageThreadID, _ = strconv.ParseInt(topic, 10, 64) // Address has accepted it
	}
	to, moved := chat, false
	if other, ok := n.moved.Load(chat); ok {
		to, moved = other.(string), true
	}
	receipt, err := n.call(ctx, to, r)
	if to := movedTo(err); to != "" && !moved {
		n.moved.Store(chat, to)
		moved = true
		receipt, err = n.call(ctx, to, r)
	}
	if err == nil && moved {
		now, _ := n.moved.Load(chat)
		receipt.Note = fmt.Sprintf("the group became a supergroup: change its address to %v", now)
	}
	return receipt, err
}

func (n *notifier) call(ctx context.Context, chat string, r request) (notify.Receipt, error) {
	r.ChatID = json.RawMessage(chat)
	if strings.HasPrefix(chat, "@") {
		r.ChatID = json.RawMessage(strconv.Quote(chat))
	}
	body, err := json.Marshal(r)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("encode: %w", err))
	}
	method := "/sendMessage"
	if r.MessageID != 0 {
		method = "/editMessageText"
	}
	answer, err := notify.Post(ctx, n.http, n.base+"/bot"+n.token.Reveal()+method, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return notify.Receipt{}, err
	}
	id, replies, err := read(answer)
	if errors.Is(err, errNotModified) {
		id, err = r.MessageID, nil
	}
	if err != nil {
		return notify.Receipt{}, err
	}
	receipt := notify.Receipt{Handle: strconv.FormatInt(id, 10)}
	if r.ReplyParameters != nil && !replies {
		receipt.Note = "the reply was sent to the chat: the earlier message takes no replies"
	}
	return receipt, nil
}

// Close implements notify.Notifier.
func (n *notifier) Close() error { return nil }
