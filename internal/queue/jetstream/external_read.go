package jetstream

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// fewMessages are read one by one. A consumer is faster for many, but the cluster may place it
	// on a server that has just died, and then it brings nothing for a while.
	fewMessages = 256
	// readAtOnce bounds the questions that are on their way together, and so the memory for the
	// answers that wait for one before them.
	readAtOnce = 16
	// replayStall is how long a consumer may bring nothing before the messages are read one by one.
	replayStall = 5 * time.Second
)

func (l *external) replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, err := l.extent(ctx)
	if err != nil {
		return err
	}
	var broken error // what fn said, which no other way of reading will change
	hand := func(seq uint64, data []byte) error {
		broken = fn(seq, data)
		from = seq + 1
		return broken
	}
	for from <= x.last {
		if x.last-from >= fewMessages {
			err := replayStream(ctx, l.stream, from, x.last, replayStall, hand)
			if err == nil || broken != nil {
				return err
			}
			l.log.V(1).Info("The journal is read message by message for a while", "reason", err.Error())
		}
		if err := readEach(ctx, l, from, min(x.last, from+fewMessages-1), hand); err != nil {
			return err
		}
	}
	return nil
}

// readEach calls fn with each of these messages in their order. It reads a few at once.
func readEach(ctx context.Context, l log, from, to uint64, fn func(uint64, []byte) error) error {
	for ; from <= to; from += readAtOnce {
		messages := make([][]byte, min(readAtOnce, to-from+1))
		reading, ctx := errgroup.WithContext(ctx)
		for i := range messages {
			reading.Go(func() (err error) {
				messages[i], err = l.read(ctx, from+uint64(i))
				return err
			})
		}
		if err := reading.Wait(); err != nil {
			return fmt.Errorf("read journal from message %d: %w", from, err)
		}
		for i, data := range messages {
			if err := fn(from+uint64(i), data); err != nil {
				return err
			}
		}
	}
	return nil
}
