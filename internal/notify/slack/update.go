package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/text"
)

// posted is a message in Slack.
type posted struct{ channel, timestamp string }

func (p posted) handle() string { return p.channel + "/" + p.timestamp }

var handlePattern = regexp.MustCompile(`^([A-Z0-9]{1,40})/([0-9]{1,20}\.[0-9]{1,20})$`)

func parseHandle(handle string) (posted, error) {
	parts := handlePattern.FindStringSubmatch(handle)
	if parts == nil {
		return posted{}, notify.Gone(errors.New("the handle of the earlier message is not Slack's"))
	}
	return posted{parts[1], parts[2]}, nil
}

// gone are the error codes of chat.update, and of chat.postMessage in a thread, that are about the earlier
// message. A new message, or the reply to the channel, is posted then.
var gone = map[string]string{
	"message_not_found":                        "the earlier message was deleted",
	"cant_update_message":                      "the earlier message belongs to another app",
	"edit_window_closed":                       "the earlier message is too old to be edited",
	"cannot_reply_to_message":                  "the earlier message takes no replies",
	"thread_not_found":                         "the thread of the earlier message was deleted",
	"restricted_action_thread_locked":          "the thread of the earlier message is locked",
	"restricted_action_non_threadable_channel": "the channel takes no replies",
}

// update edits the earlier message, and replies to it.
func (n *notifier) update(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	earlier, err := parseHandle(m.Update.Handle)
	if err != nil {
		return notify.Receipt{}, err
	}
	edited := m
	if m.Update.Thread || len(m.Update.Reply) > 0 {
		edited.Mention = "" // an edit notifies nobody: the reply mentions
	}
	s := show(edited)
	_, timestamp, _, err := n.api.UpdateMessageContext(ctx, earlier.channel, earlier.timestamp, s.options()...)
	switch {
	case err != nil:
		return notify.Receipt{}, updateError(err)
	case timestamp == "":
		return notify.Receipt{}, notify.AnswerLost(errNotSlack)
	case !m.Update.Thread && len(m.Update.Reply) == 0:
		return notify.Receipt{Handle: earlier.handle()}, nil
	case m.Update.Thread:
		s = show(m)
	default:
		s = showReply(m.Update.Reply, m.Mention)
	}
	return n.reply(ctx, earlier, s)
}

// reply posts a reply to a message that was edited; in its channel, if its thread takes none.
func (n *notifier) reply(ctx context.Context, to posted, s shown) (notify.Receipt, error) {
	receipt := notify.Receipt{Handle: to.handle()}
	_, err := n.postMessage(ctx, to.channel, s, slack.MsgOptionTS(to.timestamp))
	if err == nil {
		return receipt, nil
	}
	if refused := updateError(err); notify.IsGone(refused) {
		receipt.Note = "the reply was sent to the channel: " + refused.Error()
		_, err = n.postMessage(ctx, to.channel, s)
	}
	if err != nil {
		return notify.Receipt{}, apiError(err)
	}
	return receipt, nil
}

// showReply lays out a short reply.
func showReply(spans []notify.Span, person string) shown {
	words := notify.Plain(spans)
	return shown{
		text:   escape(text.TruncateRunes(text.Lines(words), maxLine)),
		blocks: append([]slack.Block{line(spans, words)}, mention(person)...),
	}
}

// updateError classifies an error that may be about the earlier message. Whatever Slack refuses for good, it may
// still accept as a new message; if not, that one fails in the same way.
func updateError(err error) error {
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) {
		return apiError(err)
	}
	if why, ok := gone[refused.Err]; ok {
		return notify.Gone(fmt.Errorf("slack answered %s: %s", refused.Err, why))
	}
	if err = apiError(err); notify.IsPermanent(err) {
		return notify.Gone(err)
	}
	return err
}
