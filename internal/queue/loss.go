package queue

import "time"

// Loss is a part of the journal that cannot be read any more: what it told is forgotten. Events in it
// that had been delivered are no loss to anybody; which they were, nobody can say.
type Loss struct {
	At time.Time `json:"at"` // when it was found
	// First and Last are the messages of the journal between which it lies.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Messages is how many there are, and Events how many events were accepted in them; zero where
	// that is not known.
	Messages uint64 `json:"messages"`
	Events   uint64 `json:"events,omitempty"`
	// Waited is how many deliveries waited when the mark was written that shows the loss, and Waiting how
	// many were left when it was found.
	Waited  uint64 `json:"waited,omitempty"`
	Waiting uint64 `json:"waiting,omitempty"`
	// Cause says what was found, and where what is left of it was put.
	Cause string `json:"cause"`
}

// Same reports whether both are about the same messages.
func (l *Loss) Same(o *Loss) bool {
	return l.First == o.First && l.Last == o.Last && l.Cause == o.Cause
}
