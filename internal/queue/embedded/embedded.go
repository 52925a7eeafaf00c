// Package embedded is a log in a NATS server inside this process: no port is opened.
//
// embedded.go has the log, server.go the server's start and stop, and store.go opens an engine on it. lock.go keeps
// other processes away from the directory. mark.go is the high-water mark beside the journal. recover.go repairs the
// server's files before each start, with package filestore.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/embedded/filestore"
	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
)

// logOptions are how to open the log.
type logOptions struct {
	// Lock is that of the log's directory, on a volume of its own. The log releases it when it is closed.
	Lock *Lock
	// Limit is the size of the store in bytes; the log may take wal.Capacity of it.
	Limit int64
	Log   logr.Logger
}

const (
	streamName = "TRAVISHOOK_JOURNAL"
	subject    = "travishook.journal"
	// replayStall is how long a replay waits for the next message, and stalledMessages how many are
	// read one by one then.
	replayStall     = 5 * time.Second
	stalledMessages = 256
)

// embedded is the log on the embedded server.
type embedded struct {
	dir      *directory
	mark     *markFile
	tail     *filestore.Tail
	maxBytes int64 // of the stream
	spare    int64 // that the stream has at least beyond what it holds
	log      logr.Logger

	restarting sync.Mutex // held while the server is restarted or closed, which takes as long as the disk

	server    *server.Server
	serverLog atomic.Pointer[serverLog] // of the server
	conn      *nats.Conn
	// stream is replaced when the server is restarted; until then, the old one returns errors.
	stream atomic.Pointer[natslog.Stream]
}

var (
	_ wal.Log    = (*embedded)(nil)
	_ wal.Keeper = (*embedded)(nil)
)

// openLog starts the server on the directory. An error says what to do; nothing is deleted to work around
// it.
func openLog(ctx context.Context, opt logOptions) (wal.Log, error) {
	l, err := open(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("open store in %s: %w", opt.Lock.dir, err)
	}
	return l, nil
}

func open(ctx context.Context, opt logOptions) (*embedded, error) {
	if opt.Log.GetSink() == nil {
		opt.Log = logr.Discard()
	}
	dir, err := openDirectory(opt.Lock)
	if err != nil {
		return nil, err
	}
	mark, err := openMark(dir.path)
	if err != nil {
		return nil, errors.Join(err, dir.close())
	}
	l := &embedded{
		dir: dir, mark: mark, tail: &filestore.Tail{Stream: dir.stream()},
		maxBytes: wal.Capacity(opt.Limit), spare: wal.Reserve(opt.Limit), log: opt.Log.WithName("nats"),
	}
	if size := dir.volume(); size > 0 && size < l.maxBytes {
		opt.Log.Info("the volume is smaller than the store's limit requires; lower store.maxSize or enlarge the volume",
			"volumeBytes", size, "storeBytes", l.maxBytes)
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close(ctx))
	}
	return l, nil
}

// Close implements wal.Log. The lock is released when the server has ended, even if ctx ends before: until then, it
// may write.
func (l *embedded) Close(ctx context.Context) error {
	return within(ctx, "close the store", func() error {
		l.restarting.Lock()
		defer l.restarting.Unlock()
		return errors.Join(l.stop(context.WithoutCancel(ctx)), l.mark.close(), l.dir.close())
	})
}

// Reopen restarts the server: after the disk was full, it does not write again without a restart. Files that were
// removed meanwhile are made again.
func (l *embedded) Reopen(ctx context.Context) error {
	return within(ctx, "restart the embedded server", func() error {
		l.restarting.Lock()
		defer l.restarting.Unlock()
		return l.restart(ctx)
	})
}

func (l *embedded) restart(ctx context.Context) error {
	if err := ctx.Err(); err != nil { // it has waited for another restart, after which the server may be in use
		return err
	}
	if err := l.stop(ctx); err != nil {
		return err
	}
	if err := l.dir.lock.renew(); err != nil {
		return err
	}
	err := errors.Join(l.dir.claim(), l.mark.reopen(l.dir.path))
	if err == nil {
		err = l.start(ctx)
	}
	return advise(err)
}

// Append implements wal.Log. It ends at once, with the disk's own error, if the disk refuses a write. A message that
// the next start would not find is an error.
func (l *embedded) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	if err := l.check(ctx, l.dir.lock.held); err != nil {
		return 0, err
	}
	broken := l.serverLog.Load().broken
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(broken, cancel)()
	ack, err := l.stream.Load().JS.Publish(ctx, subject, data, jetstream.WithExpectLastSequence(last))
	switch {
	case err != nil && broken.Err() != nil:
		return 0, context.Cause(broken)
	case err != nil:
		return 0, natslog.AppendError(err)
	}
	return ack.Sequence, l.check(ctx, func() error { return l.tail.Check(ack.Sequence, len(data)) })
}

// Read implements wal.Log.
func (l *embedded) Read(ctx context.Context, seq uint64) ([]byte, error) {
	return l.stream.Load().Read(ctx, seq)
}

// Replay implements wal.Log. A consumer reads many messages fastest, but hangs at a message that it cannot
// read; then the next ones are read one by one.
func (l *embedded) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	s := l.stream.Load()
	x, err := s.Extent(ctx)
	if err != nil {
		return err
	}
	var stopped error // by fn
	next := from
	hand := func(seq uint64, data []byte) error {
		stopped = fn(seq, data)
		next = seq + 1
		return stopped
	}
	for next <= x.Last {
		err := s.Replay(ctx, next, x.Last, replayStall, hand)
		if err == nil || stopped != nil || ctx.Err() != nil {
			return err
		}
		l.log.Info("journal is read message by message for a while", "from", next, "reason", err.Error())
		to := min(x.Last, next+stalledMessages-1)
		if err := wal.ReadRange(ctx, l, next, to, hand); err != nil {
			return err
		}
		next = to + 1
	}
	return nil
}

// Purge implements wal.Log.
func (l *embedded) Purge(ctx context.Context, seq uint64) error {
	if err := l.check(ctx, l.dir.lock.held); err != nil {
		return err
	}
	return l.stream.Load().Purge(ctx, seq)
}

// Extent implements wal.Log. Messages that are missing at the beginning, but were not purged, count.
func (l *embedded) Extent(ctx context.Context) (wal.Extent, error) {
	x, err := l.stream.Load().Extent(ctx)
	if mark, found := l.mark.get(); err == nil && found {
		x.First = min(x.First, max(mark.First, 1))
	}
	return x, err
}

// HighWater implements wal.Keeper.
func (l *embedded) HighWater() (wal.HighWater, bool) { return l.mark.get() }

// Keep implements wal.Keeper.
func (l *embedded) Keep(ctx context.Context, mark wal.HighWater, durable bool) error {
	return within(ctx, "write the high-water mark", func() error {
		if err := l.dir.lock.held(); err != nil {
			return err
		}
		return l.mark.write(ctx, mark, durable)
	})
}

// SetAside implements wal.Keeper.
func (l *embedded) SetAside(name string, data []byte) error { return l.damaged().write(name, data) }

// Updates implements wal.Log: no other process appends.
func (l *embedded) Updates() <-chan wal.Message { return nil }

// MaxMessage implements wal.Log.
func (l *embedded) MaxMessage() int { return wal.LargestMessage }
