package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/travis"
)

// memoryLog is a log that can be made to fail.
type memoryLog struct {
	mu       sync.Mutex
	first    uint64
	messages [][]byte
	bytes    int64
	limit    int64

	fault    func(l *memoryLog, data []byte) error // of the next appends, until it is nil
	hangs    bool                                  // appends get no answer
	damaged  uint64                                // the message that cannot be read
	lost     map[uint64]bool                       // missing messages
	reopened error                                 // the result of reopen
	reopens  int
	updates  chan wal.Message

	appended, read int64 // bytes in total
}

var errDisk = errors.New("no answer from the disk")

// storedUnanswered stores and then fails.
func storedUnanswered(l *memoryLog, data []byte) error {
	l.add(data)
	return errDisk
}

func notStored(*memoryLog, []byte) error { return errDisk }

func (l *memoryLog) set(change func(*memoryLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *memoryLog) last() uint64 { return l.first + uint64(len(l.messages)) - 1 }

func (l *memoryLog) add(data []byte) {
	l.messages = append(l.messages, data)
	l.bytes += int64(len(data) + messageOverhead)
	l.appended += int64(len(data))
}

func (l *memoryLog) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hangs {
		l.mu.Unlock()
		<-ctx.Done()
		l.mu.Lock()
		return 0, ctx.Err()
	}
	if l.fault != nil {
		return 0, l.fault(l, data)
	}
	if last != l.last() {
		return 0, wal.ErrConflict
	}
	if l.limit > 0 && l.bytes+int64(len(data)) > l.limit {
		return 0, wal.ErrFull
	}
	l.add(data)
	return l.last(), nil
}

func (l *memoryLog) Read(_ context.Context, seq uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < l.first || seq > l.last() || l.lost[seq] {
		return nil, wal.ErrGone
	}
	if seq == l.damaged {
		return nil, errDisk
	}
	l.read += int64(len(l.messages[seq-l.first]))
	return l.messages[seq-l.first], nil
}

func (l *memoryLog) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, _ := l.Extent(ctx)
	for seq := from; seq <= x.Last; seq++ {
		data, err := l.Read(ctx, seq)
		if errors.Is(err, wal.ErrGone) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(seq, data); err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) Purge(_ context.Context, seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; l.first < seq; l.first++ {
		l.bytes -= int64(len(l.messages[0]) + messageOverhead)
		l.messages = l.messages[1:]
	}
	return nil
}

func (l *memoryLog) Extent(context.Context) (wal.Extent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	there := uint64(len(l.messages))
	for seq := range l.lost {
		if seq >= l.first && seq <= l.last() {
			there--
		}
	}
	return wal.Extent{First: l.first, Last: l.last(), Messages: there, Bytes: l.bytes}, nil
}

func (l *memoryLog) Reopen(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reopens++
	return l.reopened
}

func (l *memoryLog) Close(context.Context) error { return nil }

func (l *memoryLog) Updates() <-chan wal.Message { return l.updates }

func (l *memoryLog) MaxMessage() int { return wal.LargestMessage }

func newMemoryLog() *memoryLog { return &memoryLog{first: 1} }

// openOn opens an engine in a bubble of synctest, and waits until it has stored the journal's identity.
func openOn(t *testing.T, l wal.Log, opt Options) *Engine {
	t.Helper()
	opt.Log = l
	e, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return e
}

func closeNow(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func acceptance(build int64, rooms ...string) queue.Acceptance {
	offer := queue.Offer{Namespace: "team-a"}
	for _, room := range rooms {
		offer.Targets = append(offer.Targets, queuetest.Target("builds", room))
	}
	return queue.Acceptance{Event: queuetest.Event(build, travis.Passed), Offers: []queue.Offer{offer}}
}
