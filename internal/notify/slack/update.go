package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

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
// message. A new message is posted then.
var gone = map[string]string{
	"message_not_found":                        "the earlier message was deleted",
	"cant_update_message":                      "the earlier message belongs to another app",
	"edit_window_closed":                       "the earlier message is too old to be edited",
	"cannot_reply_to_message":                  "the earlier message takes no replies",
	"thread_not_found":                         "the thread of the earlier message was deleted",
	"restricted_action_thread_locked":          "the thread of the earlier message is locked",
	"restricted_action_non_threadable_channel": "the channel takes no replies",
}

// goneChannels are about the channel of the earlier message, which may be another one than the address is
// now. If it is not, the new message fails in the same way.
var goneChannels = []string{"channel_not_found", "is_archived", "not_in_channel"}

// update edits the earlier message, and replies to it.
func (n *notifier) update(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	earlier, err := parseHandle(m.Update.Handle)
	if err != nil {
		return notify.Receipt{}, err
	}
	s := show(m)
	_, timestamp, _, err := n.api.UpdateMessageContext(ctx, earlier.channel, earlier.timestamp, s.options()...)
	switch {
	case err != nil:
		return notify.Receipt{}, updateError(err)
	case timestamp == "":
		return notify.Receipt{}, notify.AnswerLost(errNotSlack)
	case !m.Update.Thread && len(m.Update.Reply) == 0:
		return notify.Receipt{Handle: earlier.handle()}, nil
	case !m.Update.Thread:
		s = showReply(m.Update.Reply)
	}
	if _, err := n.postMessage(ctx, earlier.channel, s, slack.MsgOptionTS(earlier.timestamp)); err != nil {
		return notify.Receipt{}, updateError(err)
	}
	return notify.Receipt{Handle: earlier.handle()}, nil
}

// showReply lays out a short reply.
func showReply(spans []notify.Span) shown {
	var words strings.Builder
	for _, s := range spans {
		words.WriteString(s.Text)
	}
	return shown{
		text:   escape(text.TruncateRunes(text.Lines(words.String()), maxLine)),
		blocks: []slack.Block{line(spans, words.String())},
	}
}

// updateError classifies an error that may be about the earlier message.
func updateError(err error) error {
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) {
		return apiError(err)
	}
	if why, ok := gone[refused.Err]; ok {
		return notify.Gone(fmt.Errorf("slack answered %s: %s", refused.Err, why))
	}
	if slices.Contains(goneChannels, refused.Err) {
		return notify.Gone(apiError(err))
	}
	return apiError(err)
}
