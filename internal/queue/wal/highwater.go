package wal

import "time"

// HighWater is how far a journal once came. It is kept outside of the log, so that a log that comes
// back with less is recognised. It may be older than the log: then less is missed than is missing. It
// never claims more than was stored.
type HighWater struct {
	// Journal identifies the journal: a new journal has a new identity.
	Journal string `json:"journal"`
	// First is the message before which all were dropped on purpose, and Last the last one.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Dropped are the accepted events of the messages before First, and Accepted those of all up to
	// Last.
	Dropped  uint64 `json:"dropped"`
	Accepted uint64 `json:"accepted"`
	// Waiting is how many deliveries waited.
	Waiting uint64    `json:"waiting"`
	At      time.Time `json:"at"`
}

// Keeper is a Log that keeps its high-water mark beside it.
type Keeper interface {
	// HighWater returns the mark as it was when the log was opened; ok is false where there was none.
	HighWater() (mark HighWater, ok bool)
	// Keep stores the mark. Where durable is false it may be lost with the machine's power, but not
	// with the process. It must not name a message that is not stored yet.
	Keep(mark HighWater, durable bool) error
	// SetAside keeps data that makes no sense, for a person to look at.
	SetAside(name string, data []byte) error
}
