// Package wal is the contract of the write-ahead log that the store keeps its journal in: messages
// with ascending numbers, each synced to disk before it is acknowledged. queue/embedded is a log in
// this process, queue/cluster one that several processes share. Every log must pass wal/waltest.
package wal

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Log is a log that one or more processes append to. Each append names the message that it follows, so
// if two processes append at once, one is refused.
type Log interface {
	// Append stores data as the message after last and returns its number. ErrConflict and ErrFull mean
	// that it was not stored; after any other error it may have been.
	Append(ctx context.Context, data []byte, last uint64) (uint64, error)
	// Read returns one message. ErrGone means that it was purged, is damaged or missing, or never existed.
	Read(ctx context.Context, seq uint64) ([]byte, error)
	// Replay calls fn with each message from from to the last one at the time of the call. It skips
	// purged and unreadable messages, and holds at most a few of the largest messages in memory.
	Replay(ctx context.Context, from uint64, fn func(seq uint64, data []byte) error) error
	// Purge drops all messages before seq.
	Purge(ctx context.Context, seq uint64) error
	// Extent returns which messages the log has.
	Extent(ctx context.Context) (Extent, error)
	// Updates delivers the messages that are appended after the first call, by this process or others.
	// It may lag, repeat or skip; the engine reads what it misses. It is nil if no other process
	// appends.
	Updates() <-chan Message
	// MaxMessage is the largest message in bytes that Append accepts.
	MaxMessage() int
	// Reopen makes the log usable after an error.
	Reopen(ctx context.Context) error
	Close(ctx context.Context) error
}

// Message is one message of a log.
type Message struct {
	Seq  uint64
	Data []byte
}

// Extent is the range of a log's messages. First is Last+1 if there are none. Messages is how many there
// are: fewer than the numbers from First to Last if some are damaged or missing.
type Extent struct {
	First, Last, Messages uint64
	Bytes                 int64
}

// Missing is how many messages are damaged or missing.
func (x Extent) Missing() uint64 { return x.Last + 1 - x.First - x.Messages }

var (
	// ErrConflict is returned when another message follows the one that the append named.
	ErrConflict = errors.New("another writer was faster")
	// ErrFull is returned when the log's own limit is reached.
	ErrFull = errors.New("the log is full")
	// ErrGone is returned for a message that does not exist, was purged, or cannot be read.
	ErrGone = errors.New("no such message")
	// ErrUnanswered is returned when the log's server does not answer. The message may exist.
	ErrUnanswered = errors.New("the store's server does not answer")
)

// LargestMessage is the largest message that the engine appends. A log with a smaller limit makes the
// largest event smaller.
const LargestMessage = 8 << 20

// Capacity returns how many bytes a log needs so that the engine can refuse events at limit, and still
// store outcomes and copy live entries when it trims.
func Capacity(limit int64) int64 { return limit + Reserve(limit) }

// Reserve returns what Capacity adds to the limit.
func Reserve(limit int64) int64 { return limit/4 + 2*LargestMessage }

// readAhead limits the concurrent reads, and so the memory for messages that wait for an earlier one.
const readAhead = 16

// ReadRange calls fn with each message from from to to, in order, and skips those that return ErrGone. It
// reads several at once.
func ReadRange(ctx context.Context, l Log, from, to uint64, fn func(seq uint64, data []byte) error) error {
	for ; from <= to; from += readAhead {
		messages := make([][]byte, min(readAhead, to-from+1))
		gone := make([]bool, len(messages))
		reading, ctx := errgroup.WithContext(ctx)
		for i := range messages {
			reading.Go(func() (err error) {
				messages[i], err = l.Read(ctx, from+uint64(i))
				if gone[i] = errors.Is(err, ErrGone); gone[i] {
					return nil
				}
				return err
			})
		}
		if err := reading.Wait(); err != nil {
			return fmt.Errorf("read log from message %d: %w", from, err)
		}
		for i, data := range messages {
			if gone[i] {
				continue
			}
			if err := fn(from+uint64(i), data); err != nil {
				return err
			}
		}
	}
	return nil
}
