// Package engine is the store's engine: a journal in a write-ahead log (queue/wal), and the state that
// the journal adds up to in memory (queue/journal). docs/adr/0002-journal.md says why.
//
// All that changes the store passes through one goroutine, the committer: it appends what has gathered
// as one synced message, applies it, and wakes who waits. Everybody else reads the state, under one
// lock that is never held during I/O.
//
// The engine knows nothing of other replicas. It tolerates that somebody else appends to its log: an
// append that is refused for it is decided again, after what is new was applied. Which deliveries this
// process hands out is decided by Shards.
package engine
