package queue

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Loss is a part of the journal that can no longer be read. It may include events that were delivered
// before; which ones is not known.
type Loss struct {
	At time.Time `json:"at"` // when it was found
	// Messages counts the missing messages of the journal, and Gaps are their numbers. If the whole
	// journal went back to an earlier state, there are no gaps.
	Messages uint64 `json:"messages,omitempty"`
	Gaps     []Gap  `json:"gaps,omitempty"`
	// Entries counts entries that could not be decoded, in messages that could be read.
	Entries uint64 `json:"entries,omitempty"`
	// Events counts the accepted events in the missing part, as far as known.
	Events uint64 `json:"events,omitempty"`
	// Marked is the time of the high-water mark that shows the loss. Waited is how many deliveries
	// waited then.
	Marked time.Time `json:"marked,omitzero"`
	Waited uint64    `json:"waited,omitempty"`
	// Cause says what was found.
	Cause string `json:"cause"`
}

// Gap is a range of messages, both ends included.
type Gap struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Same reports whether both are the same loss.
func (l *Loss) Same(o *Loss) bool {
	return l.At.Equal(o.At) && l.Cause == o.Cause && l.Messages == o.Messages && slices.Equal(l.Gaps, o.Gaps)
}

// Between returns how many messages from first to last are in its gaps.
func (l *Loss) Between(first, last uint64) (n uint64) {
	for _, g := range l.Gaps {
		if from, to := max(first, g.First), min(last, g.Last); from <= to {
			n += to - from + 1
		}
	}
	return n
}

// String is a sentence about the loss.
func (l *Loss) String() string {
	var parts []string
	add := func(n uint64, one, many string) {
		if n == 1 {
			parts = append(parts, "1 "+one)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(l.Events, "event", "events")
	add(l.Messages, "message of the journal", "messages of the journal")
	add(l.Entries, "entry that does not decode", "entries that do not decode")
	text := fmt.Sprintf("%s: %s lost", l.Cause, strings.Join(parts, " in "))
	if len(parts) == 0 {
		text = l.Cause
	}
	if l.Waited > 0 {
		text += fmt.Sprintf("; %d deliveries waited at %s", l.Waited, l.Marked.UTC().Format(time.RFC3339))
	}
	return text
}
