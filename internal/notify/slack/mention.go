package slack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/travishook/travishook/internal/notify"
)

var memberID = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)

// person validates a member's ID.
func person(id string) (string, error) {
	if !memberID.MatchString(id) {
		return "", fmt.Errorf("%.40q is not a Slack member's ID: write it as U012AB3CD; "+
			"it is in the person's profile, under More, Copy member ID", id)
	}
	return id, nil
}

// mention is the block that mentions a member, or none.
func mention(id string) []slack.Block {
	if !memberID.MatchString(id) {
		return nil
	}
	markup := &slack.TextBlockObject{Type: slack.MarkdownType, Text: "<@" + id + ">", Verbatim: true}
	return []slack.Block{slack.NewSectionBlock(markup, nil, nil)}
}

const (
	memberChecked = time.Hour // after which a member is looked up again
	maxMembers    = 1000      // in memory
)

// members are the members that were found in the workspace, with the time.
type members struct {
	mu    sync.Mutex
	found map[string]time.Time
}

func (m *members) has(id string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok := m.found[id]
	return ok && now.Sub(at) < memberChecked
}

func (m *members) add(id string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.found == nil || len(m.found) >= maxMembers {
		m.found = map[string]time.Time{}
	}
	m.found[id] = now
}

// noMember are the error codes of users.info for an ID that the workspace does not have.
var noMember = map[string]bool{"user_not_found": true, "users_not_found": true, "user_not_visible": true}

// checkMember returns an error marked by NoSuchPerson if the member is unknown or has left: Slack would show
// the mention and notify nobody. Without the scope users:read, or if Slack does not answer, it returns nil.
func (n *notifier) checkMember(ctx context.Context, id string) error {
	now := time.Now()
	if id == "" || n.members.has(id, now) {
		return nil
	}
	user, err := n.api.GetUserInfoContext(ctx, id)
	var refused slack.SlackErrorResponse
	if errors.As(err, &refused) && noMember[refused.Err] {
		return notify.NoSuchPerson(fmt.Errorf("the workspace has no member %s: correct it in people", id))
	}
	if err == nil && user.Deleted {
		return notify.NoSuchPerson(fmt.Errorf("the member %s has left the workspace: remove it from people", id))
	}
	if err == nil {
		n.members.add(id, now)
	}
	return nil
}
