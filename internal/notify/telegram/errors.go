package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

var (
	// errNotTelegram is an answer that must come from something between the operator and Telegram.
	errNotTelegram = errors.New("the answer is not Telegram's")
	// errNotModified is the refusal of an edit that changes nothing.
	errNotModified = errors.New("the message shows this already")
)

// response is the body of every answer.
type response struct {
	OK     bool `json:"ok"`
	Result struct {
		MessageID int64 `json:"message_id"`
		// ReplyTo is missing where the message is no reply.
		ReplyTo *struct{} `json:"reply_to_message"`
	} `json:"result"`
	ErrorCode   int    `json:"error_code"`
	Description string `json:"description"`
	Parameters  struct {
		MigrateToChatID int64   `json:"migrate_to_chat_id"`
		RetryAfter      float64 `json:"retry_after"`
	} `json:"parameters"`
}

// movedError is the refusal of a message to a group that became a supergroup.
type movedError struct {
	error
	to string
}

func (e *movedError) Unwrap() error { return e.error }

// movedTo returns the ID of the supergroup that a group became, empty if err says nothing of it.
func movedTo(err error) string {
	if m, ok := errors.AsType[*movedError](err); ok {
		return m.to
	}
	return ""
}

// advice is what to do about a refusal with the status 400, by a part of its description.
var advice = []struct{ part, says string }{
	{"chat not found", "add the bot to the chat, and correct the address"},
	{"thread not found", "the topic was deleted: correct the address"},
	{"topic_closed", "the topic is closed: open it, or choose another one"},
	{"topic_deleted", "the topic was deleted: correct the address"},
	{"not enough rights", "let the bot send messages there"},
	{"chat_write_forbidden", "let the bot send messages there"},
	{"need administrator rights", "make the bot an administrator of the channel, with the right to post"},
	{"too long", "shorten the route's message"},
	{"user_is_blocked", "the person blocked the bot"},
}

// read returns the ID of the message that an answer confirms, and whether it is a reply.
func read(a notify.Answer) (id int64, replies bool, err error) {
	var r response
	if json.Unmarshal(a.Body, &r) != nil || !r.OK && r.ErrorCode == 0 {
		if err := notify.StatusError(a.Status, a.Header, ""); err != nil {
			return 0, false, err
		}
		return 0, false, notify.AnswerLost(errNotTelegram)
	}
	if r.OK {
		if r.Result.MessageID <= 0 {
			return 0, false, notify.AnswerLost(errNotTelegram)
		}
		return r.Result.MessageID, r.Result.ReplyTo != nil, nil
	}
	return 0, false, refusal(r)
}

func refusal(r response) error {
	says := fmt.Sprintf("telegram answered %d, %s", r.ErrorCode, text.OneLine(r.Description, 100))
	switch {
	case r.Parameters.MigrateToChatID != 0:
		to := strconv.FormatInt(r.Parameters.MigrateToChatID, 10)
		return &movedError{notify.Permanent(errors.New(says + ": change the address to " + to)), to}
	case r.ErrorCode == http.StatusTooManyRequests && r.Parameters.RetryAfter > 0:
		return notify.RetryAfter(errors.New(says), notify.Seconds(r.Parameters.RetryAfter))
	case r.ErrorCode == http.StatusTooManyRequests, r.ErrorCode >= 500:
		return errors.New(says)
	case r.ErrorCode == http.StatusUnauthorized, r.ErrorCode == http.StatusNotFound:
		return notify.BadCredential(errors.New(says + ": the bot's token is not valid: get it from @BotFather"))
	case r.ErrorCode == http.StatusForbidden:
		return notify.Permanent(errors.New(says + ": add the bot to the chat, with the right to send messages"))
	}
	description := strings.ToLower(r.Description)
	if strings.Contains(description, "message is not modified") {
		return errNotModified
	}
	for _, a := range advice {
		if strings.Contains(description, a.part) {
			return notify.Permanent(errors.New(says + ": " + a.says))
		}
	}
	return notify.Permanent(errors.New(says))
}
