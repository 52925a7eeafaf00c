package waltest

import (
	"context"
	"slices"
	"sync"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Memory is a log in memory. Each process that shares it opens a log of its own with Open.
type Memory struct {
	mu       sync.Mutex
	first    uint64
	messages [][]byte
	bytes    int64
	limit    int64
	writers  []*memoryLog
}

// NewMemory returns an empty log that holds up to limit bytes; zero means no limit.
func NewMemory(limit int64) *Memory { return &Memory{first: 1, limit: limit} }

// memoryOverhead is what a message takes in addition to its data.
const memoryOverhead = 110

// memoryLog is one process's view of a Memory.
type memoryLog struct {
	*Memory
	updates chan wal.Message
}

// Open returns a log for one process. A shared one has updates.
func (m *Memory) Open(shared bool) wal.Log {
	l := &memoryLog{Memory: m}
	if shared {
		l.updates = make(chan wal.Message, 64)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.writers = append(m.writers, l)
	return l
}

// Append implements wal.Log.
func (l *memoryLog) Append(_ context.Context, data []byte, last uint64) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	size := int64(len(data) + memoryOverhead)
	switch {
	case last != l.last():
		return 0, wal.ErrConflict
	case l.limit > 0 && l.bytes+size > l.limit:
		return 0, wal.ErrFull
	}
	l.messages = append(l.messages, slices.Clone(data))
	l.bytes += size
	for _, w := range l.writers {
		select {
		case w.updates <- wal.Message{Seq: l.last(), Data: data}:
		default: // updates may skip
		}
	}
	return l.last(), nil
}

func (m *Memory) last() uint64 { return m.first + uint64(len(m.messages)) - 1 }

// Read implements wal.Log.
func (m *Memory) Read(_ context.Context, seq uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq < m.first || seq > m.last() {
		return nil, wal.ErrGone
	}
	return m.messages[seq-m.first], nil
}

// Replay implements wal.Log.
func (m *Memory) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	x, _ := m.Extent(ctx)
	for seq := from; seq <= x.Last; seq++ {
		data, err := m.Read(ctx, seq)
		if err == nil {
			err = fn(seq, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Purge implements wal.Log.
func (m *Memory) Purge(_ context.Context, seq uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; m.first < seq && len(m.messages) > 0; m.first++ {
		m.bytes -= int64(len(m.messages[0]) + memoryOverhead)
		m.messages = m.messages[1:]
	}
	return nil
}

// Extent implements wal.Log.
func (m *Memory) Extent(context.Context) (wal.Extent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return wal.Extent{First: m.first, Last: m.last(), Messages: uint64(len(m.messages)), Bytes: m.bytes}, nil
}

// Updates implements wal.Log.
func (l *memoryLog) Updates() <-chan wal.Message { return l.updates }

// MaxMessage implements wal.Log.
func (*Memory) MaxMessage() int { return wal.LargestMessage }

// Reopen implements wal.Log.
func (*Memory) Reopen(context.Context) error { return nil }

// Close implements wal.Log.
func (l *memoryLog) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writers = slices.DeleteFunc(l.writers, func(w *memoryLog) bool { return w == l })
	return nil
}
