package webhook

import (
	"errors"
	"regexp"

	"github.com/travishook/travishook/internal/notify"
)

// lineage relates an event to the earlier ones of its build. Each event keeps an id of its own: a receiver
// that drops what it has seen must not drop a later state.
type lineage struct {
	// Message is the id of the build's first event: the key of what the receiver shows of the build.
	Message string `json:"message"`
	// Supersedes is the id of the event that this one replaces; empty for the first.
	Supersedes string `json:"supersedes,omitempty"`
}

var handlePattern = regexp.MustCompile(`^([0-9a-f]{32})/([0-9a-f]{32})$`)

func lineageOf(m notify.Message) (lineage, error) {
	if m.Update == nil {
		return lineage{Message: m.ID}, nil
	}
	parts := handlePattern.FindStringSubmatch(m.Update.Handle)
	if parts == nil {
		return lineage{}, notify.Gone(errors.New("the handle of the earlier message is not that of a webhook"))
	}
	return lineage{Message: parts[1], Supersedes: parts[2]}, nil
}
