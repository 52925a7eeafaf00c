package wal

import (
	"context"
	"time"
)

// HighWater is how far a journal extended. It is kept outside of the log, to detect a log that has lost
// data. It may be older than the log, so it may not show the whole loss. It never claims more than was
// stored.
type HighWater struct {
	// Journal identifies the journal: a new journal has a new identity.
	Journal string `json:"journal"`
	// First is the first message that was not purged, and Last the last one.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Dropped counts the accepted events in the messages before First, and Accepted those in all messages
	// up to Last.
	Dropped  uint64 `json:"dropped"`
	Accepted uint64 `json:"accepted"`
	// Waiting is how many deliveries waited.
	Waiting uint64    `json:"waiting"`
	At      time.Time `json:"at"`
}

// Keeper is a Log that also stores its high-water mark.
type Keeper interface {
	// HighWater returns the mark as it was when the log was opened; ok is false if there was none.
	HighWater() (mark HighWater, ok bool)
	// Keep stores the mark. If durable is false, the mark may be lost in a power loss, but not when the
	// process is killed. It must not name a message that is not stored yet. It returns ErrUnanswered
	// if ctx ends first, as on a disk that hangs.
	Keep(ctx context.Context, mark HighWater, durable bool) error
	// SetAside keeps a copy of data that cannot be decoded, for a person to inspect.
	SetAside(name string, data []byte) error
}
