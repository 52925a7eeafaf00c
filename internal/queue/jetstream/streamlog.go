package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// What both logs do with their stream.

func appendError(err error) error {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return err
	}
	switch {
	case refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fmt.Errorf("%w: %s", errConflict, refused.Description)
	case refused.Description == server.ErrMaxBytes.Error(),
		refused.ErrorCode == insufficientResources, refused.ErrorCode == storageExceeded, refused.ErrorCode == accountExceeded:
		return errLogFull
	}
	return err
}

// What the server says when the account, or its own volume, has no room.
const (
	insufficientResources = jetstream.ErrorCode(server.JSInsufficientResourcesErr)
	storageExceeded       = jetstream.ErrorCode(server.JSStorageResourcesExceededErr)
	accountExceeded       = jetstream.ErrorCode(server.JSAccountResourcesExceededErr)
)

func readMessage(ctx context.Context, stream jetstream.Stream, seq uint64) ([]byte, error) {
	m, err := stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// replayStream calls fn with each of these messages. It gives up when none has come for as long as stall.
func replayStream(ctx context.Context, stream jetstream.Stream, from, last uint64, stall time.Duration, fn func(uint64, []byte) error) error {
	if last < from {
		return nil
	}
	consumer, err := orderedConsumer(ctx, stream, from)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullExpiry(tailExpiry), jetstream.PullHeartbeat(tailHeartbeat))
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	defer messages.Stop()
	for next := from; next <= last; next++ {
		m, err := nextMessage(ctx, messages, stall)
		if err != nil {
			return fmt.Errorf("read journal: message %d: %w", next, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read journal: message %d: %w", next, err)
		}
		if meta.Sequence.Stream != next {
			return fmt.Errorf("read journal: message %d is missing", next)
		}
		if err := fn(next, m.Data()); err != nil {
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

func purgeStream(ctx context.Context, stream jetstream.Stream, seq uint64) error {
	if seq == 0 { // which the server takes for all messages
		return errors.New("drop messages: no message is named")
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(seq)); err != nil {
		return fmt.Errorf("drop messages before %d: %w", seq, err)
	}
	return nil
}

func streamExtent(ctx context.Context, stream jetstream.Stream) (extent, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return extent{}, fmt.Errorf("ask for the stream's extent: %w", err)
	}
	s := info.State
	x := extent{first: s.FirstSeq, last: s.LastSeq, bytes: int64(s.Bytes)}
	if s.Msgs == 0 {
		x.first = s.LastSeq + 1
	}
	return x, nil
}

// orderedConsumer reads from there on. A server that dies does not answer. The consumer makes itself
// anew once, for it would else do so for ever, and never look whether the connection is closed.
func orderedConsumer(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, MaxResetAttempts: 1,
	})
}
