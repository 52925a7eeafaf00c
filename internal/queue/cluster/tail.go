package cluster

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Updates implements wal.Log.
func (l *natsLog) Updates() <-chan wal.Message {
	l.startTail.Do(func() {
		ctx, stop := context.WithCancel(context.Background())
		l.stop, l.done = stop, make(chan struct{})
		go l.tail(ctx)
	})
	return l.updates
}

// tail reads what is appended from now on, until Close.
func (l *natsLog) tail(ctx context.Context) {
	defer close(l.done)
	for from := uint64(0); ctx.Err() == nil; {
		var err error
		if from, err = l.tailFrom(ctx, from); err != nil && ctx.Err() == nil {
			l.logger.V(1).Info("reading the journal's tail again", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// tailFrom passes on messages until something fails, and returns the next one's number. What it misses
// in between, the engine reads for itself.
func (l *natsLog) tailFrom(ctx context.Context, from uint64) (uint64, error) {
	if from == 0 {
		x, err := l.Extent(ctx)
		if err != nil {
			return 0, err
		}
		from = x.Last + 1
	}
	messages, err := l.Messages(ctx, from)
	if err != nil {
		return from, err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return from, err
		}
		meta, err := m.Metadata()
		if err != nil {
			return from, err
		}
		select {
		case l.updates <- wal.Message{Seq: meta.Sequence.Stream, Data: m.Data()}:
			from = meta.Sequence.Stream + 1
		case <-ctx.Done():
			return from, ctx.Err()
		}
	}
}
