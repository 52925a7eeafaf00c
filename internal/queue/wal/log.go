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

// Log is a log that one or more processes append to. Each append names the message that it follows,
// so of two processes that append at once one is refused.
type Log interface {
	// Append stores data as the message after last and returns its number. ErrConflict and ErrFull
	// say that it was not stored; after any other error it may or may not have been.
	Append(ctx context.Context, data []byte, last uint64) (uint64, error)
	// Read returns one message. ErrGone says that it was purged, is damaged or missing, or never was.
	Read(ctx context.Context, seq uint64) ([]byte, error)
	// Replay calls fn with each message from there to the one that is the last when it begins. It
	// passes over messages that are gone, so that fn sees the numbers jump, and holds no more than a
	// few of the largest messages in memory.
	Replay(ctx context.Context, from uint64, fn func(seq uint64, data []byte) error) error
	// Purge drops all messages before seq.
	Purge(ctx context.Context, seq uint64) error
	// Extent returns which messages there are.
	Extent(ctx context.Context) (Extent, error)
	// Updates delivers the messages that are appended after the first call, by this process or by
	// others. It may lag, repeat or skip: the engine reads for itself what it misses. It is nil
	// where no other process appends.
	Updates() <-chan Message
	// MaxMessage is the largest message in bytes that Append takes.
	MaxMessage() int
	// Reopen brings the log back after an error.
	Reopen(ctx context.Context) error
	Close(ctx context.Context) error
}

// Message is one message of a log.
type Message struct {
	Seq  uint64
	Data []byte
}

// Extent is which messages a log holds. First is Last+1 where it holds none. Messages is how many there
// are: fewer than there are numbers from First to Last where some are damaged or missing.
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
	// ErrGone is returned when there is no such message, not any more, or it cannot be read.
	ErrGone = errors.New("the message is gone")
	// ErrUnanswered is returned when the log's server does not answer, which says nothing about the message.
	ErrUnanswered = errors.New("the store's server does not answer")
)

// LargestMessage is the largest message that the engine ever appends. A log that takes less makes
// the largest event smaller.
const LargestMessage = 8 << 20

// Capacity is how many bytes a log must be able to hold so that the engine can refuse events at
// limit, and still store outcomes and copy what is alive when it trims.
func Capacity(limit int64) int64 { return limit + Reserve(limit) }

// Reserve is what Capacity adds to the limit.
func Reserve(limit int64) int64 { return limit/4 + 2*LargestMessage }

// readAhead bounds the reads that are under way at once, and so the memory for messages that wait
// for an earlier one.
const readAhead = 16

// ReadRange calls fn with each message from from to to, in order, and passes over those that are gone.
// It reads several at once.
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
