package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// errNotDiscord is an answer that must come from something between the operator and Discord.
var errNotDiscord = errors.New("the answer is not Discord's")

// blocked is how long to wait where Discord's front server refuses the operator's address, which it does
// without saying for how long.
const blocked = 10 * time.Minute

const (
	unknownWebhook = 10015
	unknownMessage = 10008
)

// meaning is the explanation of one of Discord's error codes.
type meaning struct {
	mark   func(error) error
	advice string
}

func retry(err error) error { return err }

// meanings are the error codes of webhooks. Other codes are judged by the status.
var meanings = map[int]meaning{
	unknownWebhook: {notify.BadCredential, "the webhook was deleted: make a new one and set its URL"},
	50027:          {notify.BadCredential, "the webhook's token is not valid: copy its URL again"},
	10003:          {notify.Permanent, "the channel or thread was deleted: correct the address or make a new webhook"},
	50001:          {notify.Permanent, "the webhook may not use the channel or thread: correct the address"},
	50013:          {notify.Permanent, "the webhook may not post there: ask the server's administrator"},
	50083:          {notify.Permanent, "the thread is archived: choose another one"},
	160005:         {notify.Permanent, "the thread is locked: choose another one"},
	220001:         {notify.Permanent, "the channel is a forum: add the ID of a post to the address, as KEY/ID"},
	220002:         {notify.Permanent, "the channel is a forum: add the ID of a post to the address, as KEY/ID"},
	220003:         {notify.Permanent, "the channel has no posts: use a thread's ID in the address, or none"},
	220004:         {notify.Permanent, "the channel has no posts: use a thread's ID in the address, or none"},
	200000:         {notify.Permanent, "AutoMod blocked the message: let the webhook pass or change the route's message"},
	200001:         {notify.Permanent, "AutoMod blocked the message: let the webhook pass or change the route's message"},
	240000:         {notify.Permanent, "the server's filter blocked a link: ask the server's administrator"},
	40005:          {notify.Permanent, "the message is too large: shorten the route's message"},
	50006:          {notify.Permanent, "the message is empty: fix the route's message"},
	50035:          {notify.Permanent, "Discord does not accept the message"},
	20016:          {retry, "the channel is in slow mode"},
	20028:          {retry, "too many messages"},
	20029:          {retry, "too many messages on this server"},
	40062:          {retry, "too many messages"},
	40333:          {retry, "Discord's front server refused the request"},
}

// gone are the error codes of an edit that are about the earlier message. A new message is posted then.
var gone = map[int]string{
	unknownMessage: "the earlier message was deleted",
	50005:          "the earlier message belongs to another webhook",
	50083:          "the thread of the earlier message is archived",
	160005:         "the thread of the earlier message is locked",
	10003:          "the channel of the earlier message was deleted",
	30046:          "messages older than an hour were edited too often",
}

// refused is the body of an error.
type refused struct {
	Code       int     `json:"code"`
	RetryAfter float64 `json:"retry_after"`
}

// refusal reads an error's body; it is empty if it is not Discord's.
func refusal(a notify.Answer) refused {
	var r refused
	if json.Unmarshal(a.Body, &r) != nil {
		return refused{}
	}
	return r
}

// read returns the id of the message that an answer confirms.
func read(a notify.Answer, edit bool) (string, error) {
	if a.Status >= 200 && a.Status < 300 {
		var message struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(a.Body, &message) != nil || !handlePattern.MatchString(message.ID) {
			return "", notify.AnswerLost(errNotDiscord)
		}
		return message.ID, nil
	}
	r := refusal(a)
	if why, ok := gone[r.Code]; ok && edit {
		return "", notify.Gone(fmt.Errorf("discord answered %d: %s", r.Code, why))
	}
	err := explain(r.Code, fmt.Sprintf("%d, ", a.Status))
	if err == nil {
		err = unexplained(a)
	}
	if wait, ok := wait(a, r); ok && !notify.IsPermanent(err) {
		return "", notify.RetryAfter(err, wait)
	}
	return "", err
}

// explain returns the error for one of Discord's error codes, nil if it is unknown.
func explain(code int, status string) error {
	m, ok := meanings[code]
	if !ok {
		return nil
	}
	return m.mark(fmt.Errorf("discord answered %scode %d: %s", status, code, m.advice))
}

// unexplained classifies an answer by its status.
func unexplained(a notify.Answer) error {
	if a.Status == http.StatusForbidden && !json.Valid(a.Body) {
		return notify.RetryAfter(errors.New("answered 403 Forbidden: Discord's front server refuses the operator's address"), blocked)
	}
	return notify.StatusError(a.Status, http.Header{}, "")
}

// wait returns the longer of the delays in the header and the body. A 429 without either is that of
// Discord's front server.
func wait(a notify.Answer, r refused) (time.Duration, bool) {
	seconds := r.RetryAfter
	if header, err := strconv.ParseFloat(a.Header.Get("Retry-After"), 64); err == nil {
		seconds = max(seconds, header)
	}
	switch {
	case seconds > 0:
		return notify.Seconds(seconds), true
	case a.Status == http.StatusTooManyRequests:
		return blocked, true
	}
	return 0, false
}
