// Package journal is the store's state machine: entries in the order of the log make the
// state, and nothing else does.
//
// Four rules make it possible to drop the log's beginning and still come to the same state:
//
//   - An entry is a fact. Whether an event was seen before, or which deliveries a redrive
//     chooses, is decided before the entry is written, against the state right before it.
//   - Every delivery, seen key, channel and status has an origin: the last message that tells
//     all of it. What refers to a delivery that is not known is passed over.
//   - Carry tells, for a message at the log's beginning, all that is still alive of it. Once
//     that is appended, it overrides what was replayed in between, and the message can go.
//   - What changes a channel or a status is an attempt, whose delivery may be in a message that
//     goes while the attempt stays: so both are carried with every message that mentions
//     them, a status unless all that made it is told elsewhere. A move names its channel, and what
//     home a channel began with depends on what waited first: that is carried with it.
//
// Several replicas read one log, each as far as it happens to, and agree by the log alone on who sends
// what. So a channel changes hands only by an entry, and only where nothing of it is under way.
//
// The package keeps no clock, starts no goroutine, does no I/O and holds no lock.
package journal
