package mattermost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// post is the body of a new post, and of a change to one.
type post struct {
	ChannelID string `json:"channel_id,omitempty"`
	Message   string `json:"message"`
	RootID    string `json:"root_id,omitempty"`
	// PendingPostID is the idempotency key: for half a minute, the server answers with the first post.
	PendingPostID string `json:"pending_post_id,omitempty"`
	Props         props  `json:"props"`
}

type props struct {
	Attachments []attachment `json:"attachments"`
}

// post posts a message, or a reply if root is set.
func (n *notifier) post(ctx context.Context, address, root, key string, s shown) (notify.Receipt, error) {
	channel, err := n.channel(ctx, address)
	if err != nil {
		return notify.Receipt{}, err
	}
	answer, err := n.call(ctx, http.MethodPost, "/api/v4/posts", post{
		ChannelID: channel, Message: s.text, RootID: root, PendingPostID: key, Props: props{s.attachments},
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	if err := apiError(answer); err != nil {
		return notify.Receipt{}, err
	}
	return receipt(answer)
}

// receipt reads the post's ID, which is what confirms it.
func receipt(answer notify.Answer) (notify.Receipt, error) {
	var made struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(answer.Body, &made) != nil || !id.MatchString(made.ID) {
		return notify.Receipt{}, notify.AnswerLost(errNotMattermost)
	}
	return notify.Receipt{Handle: made.ID}, nil
}

// update edits the earlier post, and replies to it.
func (n *notifier) update(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	earlier := m.Update.Handle
	if !id.MatchString(earlier) {
		return notify.Receipt{}, notify.Gone(errors.New("the handle of the earlier message is not Mattermost's"))
	}
	silent := m
	silent.Mention = "" // an edit notifies nobody
	edited, err := n.edit(ctx, earlier, show(silent))
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
	edited.Note, err = notify.Reply(func(inThread bool) error {
		root, key := earlier, m.ID+"-reply"
		if !inThread {
			root, key = "", m.ID+"-channel"
		}
		_, err := n.post(ctx, m.Address, root, key, s)
		return err
	})
	if err != nil {
		return notify.Receipt{}, err
	}
	return edited, nil
}

// edit changes a post. Mattermost refuses it if the post was deleted, is too old or of somebody else, or if the
// bot may not edit.
func (n *notifier) edit(ctx context.Context, earlier string, s shown) (notify.Receipt, error) {
	answer, err := n.call(ctx, http.MethodPut, "/api/v4/posts/"+earlier+"/patch", post{Message: s.text, Props: props{s.attachments}})
	if err != nil {
		return notify.Receipt{}, err
	}
	if err := apiError(answer); err != nil {
		return notify.Receipt{}, err
	}
	return receipt(answer)
}

// channel returns the ID of a channel, which is asked for once.
func (n *notifier) channel(ctx context.Context, address string) (string, error) {
	if id.MatchString(address) {
		return address, nil
	}
	if known, ok := n.channels.Load(address); ok {
		return known.(string), nil
	}
	team, name, _ := strings.Cut(address, "/")
	answer, err := n.call(ctx, http.MethodGet, "/api/v4/teams/name/"+url.PathEscape(team)+"/channels/name/"+url.PathEscape(name), nil)
	if err != nil {
		return "", notAnswered(err)
	}
	if err := apiError(answer); err != nil {
		if answer.Status == http.StatusNotFound || answer.Status == http.StatusForbidden {
			return "", notify.Permanent(fmt.Errorf("%w, or the bot is not in the team or the private channel", err))
		}
		return "", err
	}
	found, err := receipt(answer)
	if err != nil {
		return "", errNotMattermost // nothing was posted
	}
	n.channels.Store(address, found.Handle)
	return found.Handle, nil
}

// notAnswered removes the mark that a message may have been posted.
func notAnswered(err error) error {
	if notify.IsAnswerLost(err) {
		return fmt.Errorf("look up the channel: %s", err.Error())
	}
	return err
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
		"Content-Type": {"application/json"}, "Authorization": {"Bearer " + n.token.Reveal()},
	}})
}
