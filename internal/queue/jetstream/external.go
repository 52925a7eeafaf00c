package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// external is a log in a NATS cluster that others keep, and that several replicas write.
type external struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	stream  jetstream.Stream
	names   names
	log     logr.Logger
	refused *refusals
	// patience is how long a question is asked again.
	patience time.Duration

	feed chan message // what the tail has read
	stop context.CancelFunc
	done chan struct{} // closed when the tail has ended; nil before it has begun
}

// message is one of the log, as the tail reads it.
type message struct {
	seq  uint64
	data []byte
}

const (
	connectTimeout = 5 * time.Second
	// A server that answers no ping for twice that long is left for another.
	pingInterval = 2 * time.Second
	// appendTry is how long a server has to answer; then the same message is sent again.
	appendTry   = 2 * time.Second
	appendPause = 100 * time.Millisecond
	// tailHeartbeat is how often an idle server shows that it still feeds the tail.
	tailHeartbeat = 2 * time.Second
	tailExpiry    = 10 * time.Second
	tailPause     = 500 * time.Millisecond
	// feedLength is how many messages the tail reads ahead of the committer.
	feedLength = 64
	// smallestPayload is the least that a server must take, and payloadHeader what we leave of it
	// for headers.
	smallestPayload = 512 << 10
	payloadHeader   = 1 << 10
)

func openExternal(ctx context.Context, opt *Options, r *refusals) (*external, error) {
	x := opt.External
	options, err := x.connection(r)
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(x.URL, options...)
	if err != nil {
		return nil, cannotConnect(err)
	}
	l := &external{
		conn: conn, names: r.names, log: opt.Log, refused: r, patience: opt.ioTimeout,
		feed: make(chan message, feedLength), stop: func() {},
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
	if l.js, err = jetstream.New(l.conn); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	want := externalConfig(l.names, streamBytes(opt.MaxBytes), opt.External.Replicas)
	if l.stream, err = openExternalStream(ctx, l.js, want, opt.External.Adopt); err != nil {
		return err
	}
	return l.try(ctx)
}

// try asks for what may be asked for the first time long after the start, so that a permission that
// lacks is found now. What it drops are the messages of a subject that the stream does not have.
func (l *external) try(ctx context.Context) error {
	return l.ask(ctx, func(ctx context.Context) error {
		if _, err := l.stream.GetMsg(ctx, 1); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("read the stream %s: %w", l.names.stream, err)
		}
		if err := l.stream.Purge(ctx, jetstream.WithPurgeSubject(l.names.subject+".none")); err != nil {
			return fmt.Errorf("purge the stream %s: %w", l.names.stream, err)
		}
		return nil
	})
}

// largestEntry is the largest event that fits into a message of the server's, also when it is
// carried with what became of its deliveries.
func (l *external) largestEntry() int {
	return min(maxEntry, int(l.conn.MaxPayload()-payloadHeader)/8*5)
}

// append stores data after last. When a server does not answer, nobody knows whether it has stored
// the message; it is sent again under the same id, and what is found after last tells.
func (l *external) append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	id := nuid.Next()
	for asked := false; ; asked = true {
		ack, err := l.publish(ctx, data, last, id)
		if err == nil {
			return ack.Sequence, nil
		}
		err = appendError(err)
		switch {
		case errors.Is(err, errConflict) && asked:
			own, lookErr := l.wrote(ctx, last+1, id)
			if lookErr == nil && own {
				return last + 1, nil
			}
			if !errors.Is(lookErr, errGone) {
				return 0, cmp.Or(lookErr, err)
			}
			// Something is on its way there and not committed yet; it may never be.
		case !asked && (errors.Is(err, errConflict) || errors.Is(err, errLogFull)):
			return 0, err
		}
		select {
		case <-ctx.Done():
			// Whatever was said last, what was sent first may be stored.
			return 0, fmt.Errorf("%w: %s", errUnanswered, l.refused.explain(err).Error())
		case <-time.After(appendPause):
		}
	}
}

func (l *external) publish(ctx context.Context, data []byte, last uint64, id string) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, appendTry)
	defer cancel()
	return l.js.Publish(ctx, l.names.subject, data, jetstream.WithExpectLastSequence(last), jetstream.WithMsgID(id))
}

// wrote reports whether the message seq is the one with that id; errGone says that it is not there yet.
func (l *external) wrote(ctx context.Context, seq uint64, id string) (own bool, err error) {
	err = l.ask(ctx, func(ctx context.Context) error {
		m, err := l.stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return errGone
		}
		own = err == nil && m.Header.Get(jetstream.MsgIDHeader) == id
		return err
	})
	if !errors.Is(err, errGone) {
		return own, err
	}
	x, err := l.extent(ctx)
	switch {
	case err != nil:
		return false, err
	case x.last >= seq:
		return false, fmt.Errorf("message %d, which may be ours, was trimmed by another replica", seq)
	}
	return false, errGone
}

// ask asks again when a server does not answer: one that dies takes the questions with it.
func (l *external) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, appendTry)
		err := question(try)
		cancel()
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errUnanswered, l.refused.explain(err))
		case <-time.After(appendPause):
		}
	}
}

func (l *external) read(ctx context.Context, seq uint64) (data []byte, err error) {
	err = l.ask(ctx, func(ctx context.Context) (err error) {
		data, err = readMessage(ctx, l.stream, seq)
		return err
	})
	return data, err
}

func (l *external) purge(ctx context.Context, seq uint64) error {
	return l.ask(ctx, func(ctx context.Context) error { return purgeStream(ctx, l.stream, seq) })
}

func (l *external) extent(ctx context.Context) (x extent, err error) {
	err = l.ask(ctx, func(ctx context.Context) (err error) {
		x, err = streamExtent(ctx, l.stream)
		return err
	})
	return x, err
}

// reopen has nothing to restart: the connection finds another server by itself.
func (l *external) reopen(ctx context.Context) error {
	_, err := l.extent(ctx)
	return err
}

func (l *external) close(ctx context.Context) error {
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

// tail reads what comes from there on into the feed, until close.
func (l *external) tail(from uint64) {
	ctx, stop := context.WithCancel(context.Background())
	l.stop, l.done = stop, make(chan struct{})
	go func() {
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
	consumer, err := orderedConsumer(ctx, l.stream, from)
	if err != nil {
		return from, err
	}
	messages, err := consumer.Messages(jetstream.PullExpiry(tailExpiry), jetstream.PullHeartbeat(tailHeartbeat))
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
		case l.feed <- message{meta.Sequence.Stream, m.Data()}:
			from = meta.Sequence.Stream + 1
		case <-ctx.Done():
			return from, ctx.Err()
		}
	}
}
