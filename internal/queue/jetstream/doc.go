// Package jetstream is the store's engine: a journal in a JetStream stream, and the state
// that it adds up to in memory. docs/adr/0002-journal.md says why.
//
// All that changes the store passes through one goroutine, the committer: it appends what has
// gathered as one synced message, applies it, and wakes who waits. Everybody else reads
// the state, under one lock that is never held during I/O.
package jetstream
