// Package natslog has what the logs on the embedded server and on a cluster share: the JetStream stream that holds
// the log, its reads, and the meaning of its errors. Each log publishes by itself, because they differ in what
// they do when the server does not answer.
package natslog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// heartbeat is how often an idle server shows that the consumer still works.
	heartbeat = 2 * time.Second
	// pullExpiry is how long a consumer's request for messages is valid.
	pullExpiry = 10 * time.Second
	// pullMessages and pullBytes limit one request. The server drops a connection with more pending bytes
	// than its max_pending, 64 MiB by default, while a request must allow the largest message.
	pullMessages = 500
	pullBytes    = wal.LargestMessage + 1<<20
	// createTimeout limits the creation of a consumer, because a failing server may not answer.
	createTimeout = 5 * time.Second
)

// Stream is a stream that holds a log, through one connection.
type Stream struct {
	JS     jetstream.JetStream
	Stream jetstream.Stream
}

// AppendError returns the wal's error for that of a message which was published: ErrConflict if it was to follow
// another message than the last, ErrFull if there is no room, and otherwise err itself.
func AppendError(err error) error {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %s", wal.ErrConflict, refused.Description)
	case refused.Description == server.ErrMaxBytes.Error(), NoRoom(refused):
		return wal.ErrFull
	}
	return err
}

// NoRoom reports whether the server refused because the account or the server's volume is full.
func NoRoom(refused *jetstream.APIError) bool {
	switch refused.ErrorCode {
	case jetstream.ErrorCode(server.JSInsufficientResourcesErr), jetstream.ErrorCode(server.JSStorageResourcesExceededErr),
		jetstream.ErrorCode(server.JSAccountResourcesExceededErr):
		return true
	}
	return false
}

// Read implements wal.Log.
func (s *Stream) Read(ctx context.Context, seq uint64) ([]byte, error) {
	m, err := s.Stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, wal.ErrGone
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Replay calls fn with each message from from to last, and skips purged and unreadable ones. It returns
// an error if no message arrives for the duration stall. In a cluster it may end before last without an error, because
// the consumer's server may lag behind.
func (s *Stream) Replay(ctx context.Context, from, last uint64, stall time.Duration, fn func(uint64, []byte) error) error {
	if last < from {
		return nil
	}
	messages, pending, err := s.messages(ctx, from)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	defer messages.Stop()
	for next := from; next <= last && pending > 0; {
		m, err := nextMessage(ctx, messages, stall)
		if err != nil {
			return fmt.Errorf("read log: message %d: %w", next, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read log: message %d: %w", next, err)
		}
		seq := meta.Sequence.Stream
		next, pending = seq+1, meta.NumPending
		if seq > last { // no earlier one exists
			return nil
		}
		if err := fn(seq, m.Data()); err != nil {
			return err
		}
	}
	return nil
}

func nextMessage(ctx context.Context, messages jetstream.MessagesContext, stall time.Duration) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}

// Messages reads from message from on. A failed consumer is created again only once: with more retries it
// would never notice that the connection is closed.
func (s *Stream) Messages(ctx context.Context, from uint64) (jetstream.MessagesContext, error) {
	messages, _, err := s.messages(ctx, from)
	return messages, err
}

// messages also returns how many messages there are from from on.
func (s *Stream) messages(ctx context.Context, from uint64) (jetstream.MessagesContext, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	consumer, err := s.Stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, 0, err
	}
	pending := consumer.CachedInfo().NumPending
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(heartbeat))
	return messages, pending, err
}

// Purge implements wal.Log.
func (s *Stream) Purge(ctx context.Context, seq uint64) error {
	if seq == 0 { // the server would purge all messages
		return errors.New("purge log: no message is named")
	}
	if err := s.Stream.Purge(ctx, jetstream.WithPurgeSequence(seq)); err != nil {
		return fmt.Errorf("purge log before message %d: %w", seq, err)
	}
	return nil
}

// Extent implements wal.Log.
func (s *Stream) Extent(ctx context.Context) (wal.Extent, error) {
	info, err := s.Stream.Info(ctx)
	if err != nil {
		return wal.Extent{}, fmt.Errorf("get the log's extent: %w", err)
	}
	state := info.State
	x := wal.Extent{First: state.FirstSeq, Last: state.LastSeq, Messages: state.Msgs, Bytes: int64(state.Bytes)}
	if state.Msgs == 0 {
		x.First = state.LastSeq + 1
	}
	return x, nil
}
