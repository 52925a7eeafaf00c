// Package journal is the store's state machine: the entries of the log, in order, make the state.
//
// These rules make it possible to purge the log's beginning and still replay to the same state:
//
//   - An entry is a fact. Whether an event was seen before, or which deliveries a redrive selects,
//     is decided before the entry is written, against the state right before it.
//   - Every delivery, build, value, status and condition has an origin: the last message that holds
//     all of it, or a mark that no single message does. What refers to an unknown delivery is ignored.
//   - Carry repeats, for messages at the log's beginning, all that is still alive of them. Once that
//     is appended, it overrides what was replayed before it, and the messages can be purged.
//   - What an attempt changes beside its delivery is named in the entry: a destination is kept by
//     its name whether anything waits for it or not, because replay may not know what did. A channel
//     is carried with every message that mentions it.
//
// Deliveries wait in a hierarchy: a namespace's deliveries for a destination are a queue; it holds
// channels, which hold the deliveries of each build in the order of acceptance. Take picks a namespace,
// then a queue of it, then the channel, then the build. See take.go.
//
// Several replicas read one log, each up to some message, and agree by the log alone on who sends
// what. So a channel is reassigned only by an entry, and only while none of it is under way.
//
// The package reads no clock, starts no goroutine, does no I/O and takes no lock.
package journal
