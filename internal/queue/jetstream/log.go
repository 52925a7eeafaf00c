package jetstream

import (
	"context"
	"errors"
)

// log is what the engine needs of a stream: messages with ascending numbers, each synced to
// disk before append returns. The embedded server is one; a cluster of servers can be another,
// for append tells when somebody else has written, and replay catches up.
type log interface {
	// append stores data as the message after last. errConflict and errLogFull say that it
	// was not stored; after any other error nobody knows.
	append(ctx context.Context, data []byte, last uint64) (uint64, error)
	// read returns one message, or errGone.
	read(ctx context.Context, seq uint64) ([]byte, error)
	// replay calls fn with each message from there to the one that is the last now.
	replay(ctx context.Context, from uint64, fn func(seq uint64, data []byte) error) error
	// purge drops all messages before seq.
	purge(ctx context.Context, seq uint64) error
	// extent tells what there is.
	extent(ctx context.Context) (extent, error)
	// reopen brings the log back after an error.
	reopen(ctx context.Context) error
	close(ctx context.Context) error
}

// extent of a log. The first message is last+1 where there is none.
type extent struct {
	first, last uint64
	bytes       int64
}

var (
	errConflict = errors.New("another writer was faster")
	errLogFull  = errors.New("the stream is full")
	errGone     = errors.New("the message is gone")
	// errUnanswered says nothing about what was asked for.
	errUnanswered = errors.New("the store's server does not answer")
)
