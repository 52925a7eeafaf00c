package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// The homeserver recognizes a message that is sent again by its transaction ID. These are added to the message's ID
// for the parts of an update.
const (
	ofEdit      = "e"
	ofReply     = "r"
	ofInChannel = "c"
)

// Notify implements notify.Notifier.
func (n *notifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	if m.Update != nil {
		return n.update(ctx, m)
	}
	return n.send(ctx, m.Address, m.ID, show(m))
}

// send posts a message to the room of an address.
func (n *notifier) send(ctx context.Context, address, transaction string, c content) (notify.Receipt, error) {
	r, err := n.room(ctx, address)
	if err != nil {
		return notify.Receipt{}, err
	}
	event, err := n.put(ctx, r.id, transaction, c)
	if codeOf(err) == forbidden {
		// The room may have been upgraded since, or the bot removed.
		n.rooms.Remove(address)
		now, findErr := n.room(ctx, address)
		if findErr != nil {
			return notify.Receipt{}, findErr
		}
		if now.id != r.id {
			r = now
			event, err = n.put(ctx, r.id, transaction, c)
		}
	}
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Handle: handle(r.id, event), Note: r.note}, nil
}

// put posts an event to a room and returns its ID.
func (n *notifier) put(ctx context.Context, id, transaction string, c content) (string, error) {
	var posted struct {
		EventID string `json:"event_id"`
	}
	err := n.call(ctx, http.MethodPut, "/rooms/"+url.PathEscape(id)+"/send/m.room.message/"+url.PathEscape(transaction), c, &posted)
	if err == nil && (!strings.HasPrefix(posted.EventID, "$") || len(posted.EventID) > maxID) {
		err = notify.AnswerLost(errNotMatrix)
	}
	return posted.EventID, err
}

// update edits the earlier message, and replies to it in its thread.
func (n *notifier) update(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	id, event, err := parseHandle(m.Update.Handle)
	if err != nil {
		return notify.Receipt{}, err
	}
	r, err := n.room(ctx, m.Address)
	if err != nil {
		return notify.Receipt{}, err
	}
	if r.id != id {
		return notify.Receipt{}, notify.Gone(errors.New("the earlier message is in another room, which was upgraded"))
	}
	if err := n.checkEditable(ctx, id, event); err != nil {
		return notify.Receipt{}, err
	}
	edit := m
	edit.Mention = "" // an edit notifies nobody
	if _, err := n.put(ctx, id, m.ID+ofEdit, show(edit).replacing(event)); err != nil {
		return notify.Receipt{}, notify.Refused(err)
	}
	receipt := notify.Receipt{Handle: m.Update.Handle, Note: r.note}
	c := show(m)
	switch {
	case m.Update.Thread:
	case len(m.Update.Reply) > 0:
		c = showReply(m)
	default:
		return receipt, nil
	}
	note, err := notify.Reply(func(inThread bool) error {
		if inThread {
			_, err := n.put(ctx, id, m.ID+ofReply, c.inThread(event))
			return err
		}
		_, err := n.put(ctx, id, m.ID+ofInChannel, c)
		return err
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	if note != "" {
		receipt.Note = note
	}
	return receipt, nil
}

// checkEditable checks that the bot's message can be edited. The homeserver accepts any edit, and clients ignore
// that of a message which is gone, or which another user wrote.
func (n *notifier) checkEditable(ctx context.Context, id, event string) error {
	user, err := n.self(ctx)
	if err != nil {
		return err
	}
	var earlier struct {
		Sender  string `json:"sender"`
		Content struct {
			MsgType string `json:"msgtype"` // a deleted message has none
		} `json:"content"`
	}
	err = n.ask(ctx, http.MethodGet, "/rooms/"+url.PathEscape(id)+"/event/"+url.PathEscape(event), nil, &earlier)
	switch {
	case codeOf(err) == notFound, codeOf(err) == forbidden, errors.Is(err, errNotMatrix), err == nil && !isUser(earlier.Sender):
		return notify.Gone(errors.New("the homeserver does not show the earlier message"))
	case err != nil:
		return err
	case earlier.Sender != user:
		return notify.Gone(errors.New("the earlier message is by another user: " + earlier.Sender))
	case earlier.Content.MsgType == "":
		return notify.Gone(errors.New("the earlier message was deleted"))
	}
	return nil
}

var handlePattern = regexp.MustCompile(`^(!\S+) (\$\S+)$`)

// handle names an event by its room and ID; empty if it is too long to be kept, as those of the first versions of
// rooms may be.
func handle(id, event string) string {
	h := id + " " + event
	if len(h) > notify.MaxHandle || !handlePattern.MatchString(h) {
		return ""
	}
	return h
}

func parseHandle(h string) (id, event string, err error) {
	parts := handlePattern.FindStringSubmatch(h)
	if parts == nil {
		return "", "", notify.Gone(errors.New("the handle of the earlier message is not Matrix's"))
	}
	return parts[1], parts[2], nil
}

// ask is call for a request that posts no message: without its answer, nothing is in doubt.
func (n *notifier) ask(ctx context.Context, method, path string, body, result any) error {
	err := n.call(ctx, method, path, body, result)
	switch {
	case errors.Is(err, errNotMatrix):
		return errNotMatrix
	case notify.IsAnswerLost(err):
		return errors.New(err.Error())
	}
	return err
}

func (n *notifier) call(ctx context.Context, method, path string, body, result any) error {
	raw := []byte(nil)
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return notify.Permanent(fmt.Errorf("encode: %w", err))
		}
	}
	answer, err := notify.Send(ctx, n.http, notify.Request{Method: method, URL: n.api + path, Body: raw, Header: http.Header{
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + n.token.Reveal()},
	}})
	if err != nil {
		return err
	}
	return read(answer, result)
}
