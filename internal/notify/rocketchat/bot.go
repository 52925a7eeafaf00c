package rocketchat

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

// message is what chat.sendMessage posts. One with an ID that exists is not posted again.
type message struct {
	ID     string `json:"_id"`
	RoomID string `json:"rid"`
	Text   string `json:"msg"`
	Thread string `json:"tmid,omitempty"`
}

// handlePattern is a room and a message.
var handlePattern = regexp.MustCompile(`^([A-Za-z0-9]{17,64})/([A-Za-z0-9-]{17,64})$`)

// send posts a message.
func (n *notifier) send(ctx context.Context, address string, m message) (notify.Receipt, error) {
	var err error
	if m.RoomID, err = n.room(ctx, address); err != nil {
		return notify.Receipt{}, err
	}
	answer, err := n.call(ctx, http.MethodPost, "/api/v1/chat.sendMessage", map[string]any{"message": m})
	if err != nil {
		return notify.Receipt{}, err
	}
	if _, err = read(answer); err != nil && !isDuplicate(answer) {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Handle: m.RoomID + "/" + m.ID}, nil
}

// update edits the earlier message, and replies to it. The text has everything, because an edit does not change
// attachments.
func (n *notifier) update(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	parts := handlePattern.FindStringSubmatch(m.Update.Handle)
	if parts == nil {
		return notify.Receipt{}, notify.Gone(errors.New("the handle of the earlier message is not Rocket.Chat's"))
	}
	room, earlier := parts[1], parts[2]
	edit := m
	edit.Mention = "" // an edit notifies nobody
	answer, err := n.call(ctx, http.MethodPost, "/api/v1/chat.update", map[string]any{"roomId": room, "msgId": earlier, "text": showText(edit)})
	if err != nil {
		return notify.Receipt{}, err
	}
	if _, err := read(answer); err != nil {
		return notify.Receipt{}, notify.Refused(err)
	}
	receipt := notify.Receipt{Handle: m.Update.Handle}
	text := showText(m)
	switch {
	case m.Update.Thread:
	case len(m.Update.Reply) > 0:
		text = showReply(m.Update.Reply, m.Mention)
	default:
		return receipt, nil
	}
	receipt.Note, err = notify.Reply(func(inThread bool) error {
		reply := message{ID: m.ID + "r", Text: text, Thread: earlier}
		if !inThread {
			reply.ID, reply.Thread = m.ID+"c", ""
		}
		_, err := n.send(ctx, room, reply)
		return err
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	return receipt, nil
}

// room returns the ID of a room, which is asked for once.
func (n *notifier) room(ctx context.Context, address string) (string, error) {
	name, isName := strings.CutPrefix(address, "#")
	if !isName {
		return address, nil
	}
	if known, ok := n.rooms.Load(name); ok {
		return known.(string), nil
	}
	answer, err := n.call(ctx, http.MethodGet, "/api/v1/rooms.info?roomName="+url.QueryEscape(name), nil)
	if err == nil {
		var found response
		if found, err = read(answer); err == nil && roomID.MatchString(found.Room.ID) {
			n.rooms.Store(name, found.Room.ID)
			return found.Room.ID, nil
		}
	}
	switch {
	case err == nil:
		return "", errNotRocketChat
	case notify.IsAnswerLost(err): // nothing was posted
		return "", fmt.Errorf("look up the room: %s", err.Error())
	}
	return "", err
}

func (n *notifier) call(ctx context.Context, method, path string, body any) (notify.Answer, error) {
	raw := []byte(nil)
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return notify.Answer{}, notify.Permanent(fmt.Errorf("encode: %w", err))
		}
	}
	return notify.Send(ctx, n.http, notify.Request{Method: method, URL: n.server + path, Body: raw, Header: http.Header{
		"Content-Type": {"application/json"}, "X-Auth-Token": {n.token.Reveal()}, "X-User-Id": {n.user},
	}})
}
