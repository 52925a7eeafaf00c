package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
)

// natsLog is a log in a NATS cluster.
type natsLog struct {
	*natslog.Stream
	conn    *nats.Conn
	names   names
	logger  logr.Logger
	refused *refusals
	// timeout is how long a request is repeated.
	timeout time.Duration

	startTail sync.Once
	updates   chan wal.Message
	stop      context.CancelFunc // of the tail
	done      chan struct{}      // closed when the tail has ended; nil before it has begun
}

var _ wal.Log = (*natsLog)(nil)

const (
	// requestTimeout is how long a server has to answer; then the same request is sent again.
	requestTimeout = 2 * time.Second
	requestPause   = 100 * time.Millisecond
	// updatesLength is how many messages the tail reads ahead of the engine.
	updatesLength = 64
	// minPayload is the least that a server must accept in one message.
	minPayload = 512 << 10
	// fewMessages are read one by one. A consumer is faster for many, but the cluster may place it
	// on a server that has just died, and then it brings nothing for a while.
	fewMessages = 256
	// replayStall is how long a consumer may bring nothing before the messages are read one by one.
	replayStall = 5 * time.Second
)

func openLog(ctx context.Context, opt *Options, r *refusals) (*natsLog, error) {
	conn, err := connect(&opt.External, r)
	if err != nil {
		return nil, err
	}
	l := &natsLog{
		conn: conn, names: r.names, logger: opt.Logger, refused: r, timeout: opt.IOTimeout,
		updates: make(chan wal.Message, updatesLength), stop: func() {},
	}
	if err := l.prepare(ctx, opt); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

func (l *natsLog) prepare(ctx context.Context, opt *Options) (err error) {
	if most := l.conn.MaxPayload(); most < minPayload {
		return fmt.Errorf("the server takes messages of %d bytes at most; set its max_payload to %d or more", most, minPayload)
	}
	js, err := jetstream.New(l.conn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	stream, err := openStream(ctx, js, streamConfig(l.names, wal.Capacity(opt.MaxBytes), opt.Replicas), wal.Reserve(opt.MaxBytes), opt.Adopt)
	if err != nil {
		return err
	}
	l.Stream = &natslog.Stream{JS: js, Stream: stream}
	return l.probe(ctx)
}

// probe asks for what may be needed for the first time long after the start, so that a missing
// permission is found now. What it purges are the messages of a subject that the stream does not have.
func (l *natsLog) probe(ctx context.Context) error {
	return l.repeat(ctx, func(ctx context.Context) error {
		if _, err := l.Stream.Stream.GetMsg(ctx, 1); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("read stream %s: %w", l.names.stream, err)
		}
		if err := l.Stream.Stream.Purge(ctx, jetstream.WithPurgeSubject(l.names.subject+".none")); err != nil {
			return fmt.Errorf("purge stream %s: %w", l.names.stream, err)
		}
		return nil
	})
}

// MaxMessage implements wal.Log.
func (l *natsLog) MaxMessage() int { return min(wal.LargestMessage, int(l.conn.MaxPayload())) }

// Append implements wal.Log. When a server does not answer, it may have stored the message; the message is
// sent again with the same id, and the message that follows last shows whether it was this one.
func (l *natsLog) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	id := nuid.Next()
	for repeated := false; ; repeated = true {
		seq, err := l.publish(ctx, data, last, id)
		switch {
		case err == nil:
			return seq, nil
		case errors.Is(err, wal.ErrConflict) && repeated:
			own, lookErr := l.wrote(ctx, last+1, id)
			if lookErr == nil && own {
				return last + 1, nil
			}
			if !errors.Is(lookErr, wal.ErrGone) {
				return 0, cmp.Or(lookErr, err)
			}
			// Another message is not committed yet, and may never be.
		case !repeated && (errors.Is(err, wal.ErrConflict) || errors.Is(err, wal.ErrFull)):
			return 0, err
		}
		select {
		case <-ctx.Done():
			// Regardless of the last error, the first request may have been stored.
			return 0, fmt.Errorf("%w: %s", wal.ErrUnanswered, l.refused.explain(err).Error())
		case <-time.After(requestPause):
		}
	}
}

func (l *natsLog) publish(ctx context.Context, data []byte, last uint64, id string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	ack, err := l.JS.Publish(ctx, l.names.subject, data, jetstream.WithExpectLastSequence(last), jetstream.WithMsgID(id))
	if err != nil {
		return 0, natslog.AppendError(err)
	}
	return ack.Sequence, nil
}

// wrote reports whether message seq is the one with that id; ErrGone says that it is not there yet.
func (l *natsLog) wrote(ctx context.Context, seq uint64, id string) (own bool, err error) {
	err = l.repeat(ctx, func(ctx context.Context) error {
		m, err := l.Stream.Stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return wal.ErrGone
		}
		own = err == nil && m.Header.Get(jetstream.MsgIDHeader) == id
		return err
	})
	if !errors.Is(err, wal.ErrGone) {
		return own, err
	}
	x, err := l.Extent(ctx)
	switch {
	case err != nil:
		return false, err
	case x.Last >= seq:
		return false, fmt.Errorf("message %d, which may be ours, was trimmed by another replica", seq)
	}
	return false, wal.ErrGone
}

// repeat repeats a request when a server does not answer: one that dies takes its requests with it.
func (l *natsLog) repeat(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, requestTimeout)
		err := request(try)
		cancel()
		if err == nil || errors.Is(err, wal.ErrGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", wal.ErrUnanswered, l.refused.explain(err))
		case <-time.After(requestPause):
		}
	}
}

// Read implements wal.Log.
func (l *natsLog) Read(ctx context.Context, seq uint64) (data []byte, err error) {
	err = l.repeat(ctx, func(ctx context.Context) (err error) {
		data, err = l.Stream.Read(ctx, seq)
		return err
	})
	return data, err
}

// Purge implements wal.Log.
func (l *natsLog) Purge(ctx context.Context, seq uint64) error {
	return l.repeat(ctx, func(ctx context.Context) error { return l.Stream.Purge(ctx, seq) })
}

// Extent implements wal.Log.
func (l *natsLog) Extent(ctx context.Context) (x wal.Extent, err error) {
	err = l.repeat(ctx, func(ctx context.Context) (err error) {
		x, err = l.Stream.Extent(ctx)
		return err
	})
	return x, err
}

// Replay implements wal.Log.
func (l *natsLog) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, err := l.Extent(ctx)
	if err != nil {
		return err
	}
	var broken error // fn's error, which no other way of reading will change
	next := func(seq uint64, data []byte) error {
		broken = fn(seq, data)
		from = seq + 1
		return broken
	}
	for from <= x.Last {
		if x.Last-from >= fewMessages {
			err := l.Stream.Replay(ctx, from, x.Last, replayStall, next)
			if broken != nil {
				return broken
			}
			if err != nil {
				l.logger.V(1).Info("journal is read message by message for a while", "reason", err.Error())
			}
		}
		// The consumer's server may lag behind and lack the last messages, and then its replay ends before them.
		to := min(x.Last, from+fewMessages-1)
		if err := wal.ReadRange(ctx, l, from, to, next); err != nil {
			return err
		}
		from = to + 1
	}
	return nil
}

// Reopen has nothing to restart: the connection finds another server by itself.
func (l *natsLog) Reopen(ctx context.Context) error {
	_, err := l.Extent(ctx)
	return err
}

// Close implements wal.Log.
func (l *natsLog) Close(ctx context.Context) error {
	l.stop()
	l.conn.Close() // which ends whatever the tail waits for
	if l.done == nil {
		return nil
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end the journal's tail: %w", ctx.Err())
	}
}
