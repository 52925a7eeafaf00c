package cluster

import (
	"context"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// fewMessages are read one by one. A consumer is faster for many, but the cluster may place it
	// on a server that has just died, and then it brings nothing for a while.
	fewMessages = 256
	// replayStall is how long a consumer may bring nothing before the messages are read one by one.
	replayStall = 5 * time.Second
)

// Replay implements wal.Log.
func (l *external) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, err := l.Extent(ctx)
	if err != nil {
		return err
	}
	var broken error // what fn said, which no other way of reading will change
	hand := func(seq uint64, data []byte) error {
		broken = fn(seq, data)
		from = seq + 1
		return broken
	}
	for from <= x.Last {
		if x.Last-from >= fewMessages {
			err := l.Stream.Replay(ctx, from, x.Last, replayStall, hand)
			if err == nil || broken != nil {
				return err
			}
			l.log.V(1).Info("The journal is read message by message for a while", "reason", err.Error())
		}
		if err := wal.ReadRange(ctx, l, from, min(x.Last, from+fewMessages-1), hand); err != nil {
			return err
		}
	}
	return nil
}
