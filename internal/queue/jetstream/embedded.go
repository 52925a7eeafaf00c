package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// embedded is a log in a NATS server inside this process: no port is opened.
type embedded struct {
	dir      *directory
	maxBytes int64
	log      logr.Logger
	// syncLater: see Options.
	syncLater bool

	server *server.Server
	conn   *nats.Conn
	// session is replaced when the server is restarted; until then, the old one gives errors.
	session atomic.Pointer[session]
}

// session is what a connection is used through.
type session struct {
	js     jetstream.JetStream
	stream jetstream.Stream
}

// startTimeout bounds the server's start: it reads its files, and rebuilds what a crash left.
const startTimeout = 2 * time.Minute

func openEmbedded(ctx context.Context, opt *Options) (*embedded, error) {
	dir, err := openDirectory(opt.Dir)
	if err != nil {
		return nil, err
	}
	l := &embedded{dir: dir, maxBytes: streamBytes(opt.MaxBytes), log: opt.Log.WithName("nats"), syncLater: opt.SyncLater}
	if size := dir.volume(); size > 0 && size < l.maxBytes {
		opt.Log.Info(fmt.Sprintf("The volume has %d bytes and the store may take %d: lower its limit or enlarge the volume",
			size, l.maxBytes))
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.close(ctx))
	}
	return l, nil
}

func (l *embedded) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	l.server, err = server.NewServer(&server.Options{
		ServerName: "travishook",
		DontListen: true,
		NoSigs:     true,
		MaxPayload: maxPayload,

		JetStream:              true,
		StoreDir:               l.dir.store(),
		SyncAlways:             !l.syncLater, // an acknowledgement means synced: everything rests on it
		JetStreamMaxStore:      l.maxBytes + maxPayload,
		JetStreamMaxMemory:     1 << 20, // nothing is kept in memory but the state of replays
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return fmt.Errorf("configure the embedded server: %w", err)
	}
	log := &serverLog{log: l.log}
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
	stream, err := openStream(ctx, js, l.maxBytes)
	if err != nil {
		return err
	}
	l.session.Store(&session{js, stream})
	return nil
}

func (l *embedded) awaitServer(ctx context.Context, log *serverLog) error {
	const glance = 100 * time.Millisecond
	for !l.server.ReadyForConnections(glance) {
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.server.Shutdown()
		l.server.WaitForShutdown()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end the embedded server: %w", ctx.Err())
	}
}

func (l *embedded) close(ctx context.Context) error {
	return errors.Join(l.stop(ctx), l.dir.close())
}

// reopen restarts the server: after a disk was full, it never writes again without that.
func (l *embedded) reopen(ctx context.Context) error {
	if err := l.stop(ctx); err != nil {
		return err
	}
	return l.start(ctx)
}

func (l *embedded) append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	ack, err := l.session.Load().js.Publish(ctx, subject, data, jetstream.WithExpectLastSequence(last))
	if err != nil {
		return 0, appendError(err)
	}
	return ack.Sequence, nil
}

func (l *embedded) read(ctx context.Context, seq uint64) ([]byte, error) {
	return readMessage(ctx, l.session.Load().stream, seq)
}

func (l *embedded) replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, err := l.extent(ctx)
	if err != nil {
		return err
	}
	return replayStream(ctx, l.session.Load().stream, from, x.last, healTimeout, fn)
}

func (l *embedded) purge(ctx context.Context, seq uint64) error {
	return purgeStream(ctx, l.session.Load().stream, seq)
}

func (l *embedded) extent(ctx context.Context) (extent, error) {
	return streamExtent(ctx, l.session.Load().stream)
}
