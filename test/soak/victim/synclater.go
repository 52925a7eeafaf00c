package victim

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
)

// syncLater is a log on a NATS server in this process that answers before it has synced, as is the
// server's default.
type syncLater struct {
	*natslog.Stream
	server *server.Server
	conn   *nats.Conn
}

var _ wal.Log = (*syncLater)(nil)

const subject = "journal"

func openSyncLater(ctx context.Context, dir string, opt engine.Options) (Opened, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = engine.DefaultMaxBytes
	}
	log, err := startSyncLater(ctx, filepath.Join(dir, "sync-later"), wal.Capacity(opt.MaxBytes))
	if err != nil {
		return nil, err
	}
	opt.Log = log
	e, err := engine.Open(ctx, opt)
	if err != nil {
		return nil, errors.Join(err, log.Close(ctx))
	}
	return e, nil
}

func startSyncLater(ctx context.Context, dir string, maxBytes int64) (*syncLater, error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, MaxPayload: wal.LargestMessage,
		JetStream: true, StoreDir: dir, JetStreamMaxStore: maxBytes + wal.LargestMessage,
	})
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	s.Start()
	l := &syncLater{server: s}
	if !s.ReadyForConnections(time.Minute) {
		return nil, errors.Join(errors.New("the server does not start"), l.Close(ctx))
	}
	if l.Stream, l.conn, err = connect(ctx, s, maxBytes); err != nil {
		return nil, errors.Join(err, l.Close(ctx))
	}
	return l, nil
}

func connect(ctx context.Context, s *server.Server, maxBytes int64) (*natslog.Stream, *nats.Conn, error) {
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return nil, nil, fmt.Errorf("connect: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, conn, fmt.Errorf("connect: %w", err)
	}
	stream, err := js.CreateOrUpdateStream(ctx, natslog.Config("JOURNAL", subject, maxBytes))
	if err != nil {
		return nil, conn, fmt.Errorf("create stream: %w", err)
	}
	return &natslog.Stream{JS: js, Stream: stream}, conn, nil
}

// Append implements wal.Log.
func (l *syncLater) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	ack, err := l.JS.Publish(ctx, subject, data, jetstream.WithExpectLastSequence(last))
	if err != nil {
		return 0, natslog.AppendError(err)
	}
	return ack.Sequence, nil
}

// Replay implements wal.Log.
func (l *syncLater) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, err := l.Extent(ctx)
	if err != nil {
		return err
	}
	return l.Stream.Replay(ctx, from, x.Last, time.Minute, fn)
}

// Updates implements wal.Log.
func (l *syncLater) Updates() <-chan wal.Message { return nil }

// MaxMessage implements wal.Log.
func (l *syncLater) MaxMessage() int { return wal.LargestMessage }

// Reopen implements wal.Log.
func (l *syncLater) Reopen(context.Context) error { return nil }

// Close implements wal.Log.
func (l *syncLater) Close(context.Context) error {
	if l.conn != nil {
		l.conn.Close()
	}
	l.server.Shutdown()
	l.server.WaitForShutdown()
	return nil
}
