package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
)

const (
	// startTimeout limits the server's start: it reads its files, and rebuilds its index after a crash.
	startTimeout = 2 * time.Minute
	// serverBytes is the server's own limit. The stream has the real one, which may have been larger: a
	// server below what a stream reserves does not let its limit be changed.
	serverBytes = 1 << 60
	// maxPending is how many bytes may wait for this process's connection before the server drops it:
	// more than is ever requested at once.
	maxPending = 20 * wal.LargestMessage
)

// start starts the server, after its files were checked, and opens the stream.
func (l *embedded) start(ctx context.Context) error {
	if err := errors.Join(l.prepare(ctx), ctx.Err()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	l.server, err = server.NewServer(&server.Options{
		ServerName: "travishook",
		DontListen: true,
		NoSigs:     true,
		MaxPayload: wal.LargestMessage,
		MaxPending: maxPending,

		JetStream:              true,
		StoreDir:               l.dir.store(),
		SyncAlways:             true, // an acknowledged message must be synced
		JetStreamMaxStore:      serverBytes,
		JetStreamMaxMemory:     1 << 20, // only the state of replays is kept in memory
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("configure the embedded server: %w", err)
	}
	log := newServerLog(l.log)
	l.serverLog.Store(log)
	l.server.SetLoggerV2(log, false, false, false)
	l.server.Start()
	if err := l.awaitServer(ctx, log); err != nil {
		return err
	}
	l.conn, err = nats.Connect("", nats.InProcessServer(l.server), nats.NoReconnect())
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	js, err := jetstream.New(l.conn)
	if err != nil {
		return fmt.Errorf("connect to the embedded server: %w", err)
	}
	stream, err := l.openStream(ctx, js)
	if err != nil {
		return err
	}
	l.stream.Store(&natslog.Stream{JS: js, Stream: stream})
	return nil
}

func (l *embedded) awaitServer(ctx context.Context, log *serverLog) error {
	const interval = 100 * time.Millisecond
	for !l.server.ReadyForConnections(interval) {
		if reason := log.fatal.Load(); reason != nil {
			return fmt.Errorf("the embedded server does not start: %s", *reason)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the embedded server does not start: %w", ctx.Err())
		}
	}
	return nil
}

// stop ends the server and waits for it.
func (l *embedded) stop(ctx context.Context) error {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.server == nil {
		return nil
	}
	ending, ended := l.server, make(chan struct{})
	go func() { // which may outlast ctx, and the start of another server
		defer close(ended)
		ending.Shutdown()
		ending.WaitForShutdown()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end the embedded server: %w", ctx.Err())
	}
}

// openStream creates the stream, or uses the existing one if its configuration is the same. Only the
// limit may be changed, because that loses nothing. If the stream holds more than a lowered limit, it
// keeps room for outcomes, without which it could not become smaller.
func (l *embedded) openStream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	want := natslog.Config(streamName, subject, l.maxBytes)
	stream, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if stream, err = js.CreateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("create stream %s: %w", streamName, err)
		}
		return stream, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", streamName, err)
	}
	is := stream.CachedInfo().Config
	if name, value, needed := natslog.Difference(&is, &want); name != "" {
		return nil, fmt.Errorf("stream %s has %s set to %v where travishook needs %v: set it back, or move the directory away to begin with an empty store", streamName, name, value, needed)
	}
	want.MaxBytes = max(want.MaxBytes, int64(stream.CachedInfo().State.Bytes)+l.spare)
	if is.MaxBytes != want.MaxBytes {
		if stream, err = js.UpdateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("set the limit of stream %s: %w", streamName, err)
		}
	}
	return stream, nil
}
