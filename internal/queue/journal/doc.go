// Package journal is the store's state machine: the entries of the log, in order, make the state.
//
// These rules make it possible to purge the log's beginning and still replay to the same state:
//
//   - An entry is a fact. Whether an event was seen before, or which deliveries a redrive selects,
//     is decided before the entry is written, against the state right before it.
//   - Every delivery, build, value, status and condition has an origin: the last message that contains
//     all of it, or a mark that no single message does. Entries about an unknown delivery are ignored.
//   - Carry repeats the live parts of messages at the log's beginning. Once appended, they override
//     what was replayed before them, and the messages can be purged.
//   - An entry about an attempt names everything that it changes besides its delivery: a destination is
//     kept by its name even if nothing waits for it, because a replay may not know the delivery. A
//     channel is carried with every message that mentions it.
//
// Deliveries wait in a hierarchy: a namespace's deliveries for a destination are a flow; it holds
// channels, which hold the deliveries of each build in the order of acceptance. Take picks a namespace,
// then a flow of it, then the channel, then the build. See take.go.
//
// Several replicas read one log, each up to some message, and the log alone decides which of them sends a
// channel's deliveries. So a channel is reassigned only by an entry, and only while no attempt of it is under
// way.
//
// entry.go has the entries and their format, and apply.go what each changes. choose.go makes the decisions before an
// entry is written. carry.go and restore.go write and read the repeated parts.
//
// The package reads no clock, starts no goroutine, does no I/O and takes no lock.
package journal
