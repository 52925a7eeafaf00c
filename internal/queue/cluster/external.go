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

// external is a log in a NATS cluster that others keep, and that several replicas write.
type external struct {
	conn *nats.Conn
	*natslog.Stream
	names   names
	log     logr.Logger
	refused *refusals
	// patience is how long a question is asked again.
	patience time.Duration

	feed chan wal.Message // what the tail has read
	tail sync.Once
	stop context.CancelFunc
	done chan struct{} // closed when the tail has ended; nil before it has begun
}

const (
	connectTimeout = 5 * time.Second
	// A server that answers no ping for twice that long is left for another.
	pingInterval = 2 * time.Second
	// appendTry is how long a server has to answer; then the same message is sent again.
	appendTry   = 2 * time.Second
	appendPause = 100 * time.Millisecond
	// tailPause is the pause before the tail is read anew.
	tailPause = 500 * time.Millisecond
	// feedLength is how many messages the tail reads ahead of the committer.
	feedLength = 64
	// smallestPayload is the least that a server must take.
	smallestPayload = 512 << 10
)

func openExternal(ctx context.Context, opt *Options, r *refusals) (*external, error) {
	x := &opt.External
	options, err := x.connection(r)
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(x.URL, options...)
	if err != nil {
		return nil, cannotConnect(err)
	}
	l := &external{
		conn: conn, names: r.names, log: opt.Logger, refused: r, patience: opt.IOTimeout,
		feed: make(chan wal.Message, feedLength), stop: func() {},
	}
	if err := l.prepare(ctx, opt); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

func (l *external) prepare(ctx context.Context, opt *Options) (err error) {
	if most := l.conn.MaxPayload(); most < smallestPayload {
		return fmt.Errorf("the server takes messages of %d bytes at most; set its max_payload to %d or more", most, smallestPayload)
	}
	js, err := jetstream.New(l.conn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	want := externalConfig(l.names, wal.Capacity(opt.MaxBytes), opt.Replicas)
	stream, err := openExternalStream(ctx, js, want, opt.Adopt)
	if err != nil {
		return err
	}
	l.Stream = &natslog.Stream{JS: js, Stream: stream, Subject: l.names.subject}
	return l.try(ctx)
}

// try asks for what may be asked for the first time long after the start, so that a permission that
// lacks is found now. What it drops are the messages of a subject that the stream does not have.
func (l *external) try(ctx context.Context) error {
	return l.ask(ctx, func(ctx context.Context) error {
		if _, err := l.Stream.Stream.GetMsg(ctx, 1); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("read the stream %s: %w", l.names.stream, err)
		}
		if err := l.Stream.Stream.Purge(ctx, jetstream.WithPurgeSubject(l.names.subject+".none")); err != nil {
			return fmt.Errorf("purge the stream %s: %w", l.names.stream, err)
		}
		return nil
	})
}

// MaxMessage implements wal.Log.
func (l *external) MaxMessage() int { return min(wal.LargestMessage, int(l.conn.MaxPayload())) }

// append stores data after last. When a server does not answer, nobody knows whether it has stored
// the message; it is sent again under the same id, and what is found after last tells.
func (l *external) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	id := nuid.Next()
	for asked := false; ; asked = true {
		seq, err := l.publish(ctx, data, last, id)
		if err == nil {
			return seq, nil
		}
		switch {
		case errors.Is(err, wal.ErrConflict) && asked:
			own, lookErr := l.wrote(ctx, last+1, id)
			if lookErr == nil && own {
				return last + 1, nil
			}
			if !errors.Is(lookErr, wal.ErrGone) {
				return 0, cmp.Or(lookErr, err)
			}
			// Something is on its way there and not committed yet; it may never be.
		case !asked && (errors.Is(err, wal.ErrConflict) || errors.Is(err, wal.ErrFull)):
			return 0, err
		}
		select {
		case <-ctx.Done():
			// Whatever was said last, what was sent first may be stored.
			return 0, fmt.Errorf("%w: %s", wal.ErrUnanswered, l.refused.explain(err).Error())
		case <-time.After(appendPause):
		}
	}
}

func (l *external) publish(ctx context.Context, data []byte, last uint64, id string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTry)
	defer cancel()
	return l.Stream.Append(ctx, data, last, jetstream.WithMsgID(id))
}

// wrote reports whether the message seq is the one with that id; wal.ErrGone says that it is not there yet.
func (l *external) wrote(ctx context.Context, seq uint64, id string) (own bool, err error) {
	err = l.ask(ctx, func(ctx context.Context) error {
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

// ask asks again when a server does not answer: one that dies takes the questions with it.
func (l *external) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, appendTry)
		err := question(try)
		cancel()
		if err == nil || errors.Is(err, wal.ErrGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", wal.ErrUnanswered, l.refused.explain(err))
		case <-time.After(appendPause):
		}
	}
}

func (l *external) Read(ctx context.Context, seq uint64) (data []byte, err error) {
	err = l.ask(ctx, func(ctx context.Context) (err error) {
		data, err = l.Stream.Read(ctx, seq)
		return err
	})
	return data, err
}

func (l *external) Purge(ctx context.Context, seq uint64) error {
	return l.ask(ctx, func(ctx context.Context) error { return l.Stream.Purge(ctx, seq) })
}

func (l *external) Extent(ctx context.Context) (x wal.Extent, err error) {
	err = l.ask(ctx, func(ctx context.Context) (err error) {
		x, err = l.Stream.Extent(ctx)
		return err
	})
	return x, err
}

// reopen has nothing to restart: the connection finds another server by itself.
func (l *external) Reopen(ctx context.Context) error {
	_, err := l.Extent(ctx)
	return err
}

func (l *external) Close(ctx context.Context) error {
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

// Updates implements wal.Log.
func (l *external) Updates() <-chan wal.Message {
	l.tail.Do(l.startTail)
	return l.feed
}

// startTail reads what is appended from now on into the feed, until Close.
func (l *external) startTail() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	go func() {
		var from uint64
		defer close(l.done)
		for ctx.Err() == nil {
			var err error
			if from, err = l.feedFrom(ctx, from); err != nil && ctx.Err() == nil {
				l.log.V(1).Info("The journal's tail is read anew", "reason", err.Error())
			}
			select {
			case <-ctx.Done():
			case <-time.After(tailPause):
			}
		}
	}()
}

// feedFrom feeds messages until something fails, and returns the next one's number. What it misses
// in between, the committer reads for itself.
func (l *external) feedFrom(ctx context.Context, from uint64) (uint64, error) {
	if from == 0 {
		x, err := l.Extent(ctx)
		if err != nil {
			return 0, err
		}
		from = x.Last + 1
	}
	messages, err := l.Stream.Messages(ctx, from)
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
		case l.feed <- wal.Message{Seq: meta.Sequence.Stream, Data: m.Data()}:
			from = meta.Sequence.Stream + 1
		case <-ctx.Done():
			return from, ctx.Err()
		}
	}
}
