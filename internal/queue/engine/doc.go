// Package engine is the store's engine: a journal in a write-ahead log (queue/wal), and the state in memory
// that results from the journal (queue/journal). docs/adr/0002-journal.md says why.
//
// All changes pass through one goroutine, the committer: it appends all pending entries as one synced
// message, applies it, and wakes the callers. All other goroutines read the state under one lock, which is
// never held during I/O.
//
// The engine knows nothing of other replicas, but tolerates other processes that append to its log: after
// a conflict, it applies the new messages and decides again. Shards decides which deliveries this process
// hands out.
//
// An event passes accept.go, transition.go (the build is compared with the one before) and commit.go, which has the
// appends; a delivery passes take.go and settle.go. trim.go purges the log's beginning. follow.go applies what other
// processes append. recover.go finds out what was stored after an append without an answer, and loss.go reports
// messages that are missing.
package engine
