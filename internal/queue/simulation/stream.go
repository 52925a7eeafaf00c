package simulation

import (
	"sync"

	"github.com/travishook/travishook/internal/queue/wal"
)

// messageOverhead is what the stream counts for a message beside its data.
const messageOverhead = 110

// stream is what has been stored: it survives every process. All of it is synced, as the real log's is
// when it answers; what was not stored when a process died is decided by that process' log.
type stream struct {
	limit int64
	// onAppend is called with each message in order, with the lock held.
	onAppend func(seq uint64, data []byte)

	mu       sync.Mutex
	messages map[uint64][]byte
	first    uint64
	last     uint64
	bytes    int64
	appended chan struct{} // closed at the next append
}

func newStream(limit int64, onAppend func(uint64, []byte)) *stream {
	return &stream{
		limit: limit, onAppend: onAppend,
		messages: map[uint64][]byte{}, first: 1, appended: make(chan struct{}),
	}
}

func (s *stream) append(data []byte, last uint64) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(len(data) + messageOverhead)
	switch {
	case last != s.last:
		return 0, wal.ErrConflict
	case s.bytes+size > s.limit:
		return 0, wal.ErrFull
	}
	s.last++
	s.messages[s.last] = data
	s.bytes += size
	s.onAppend(s.last, data)
	close(s.appended)
	s.appended = make(chan struct{})
	return s.last, nil
}

func (s *stream) read(seq uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.messages[seq]
	if !ok {
		return nil, wal.ErrGone
	}
	return data, nil
}

func (s *stream) purge(before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; s.first < before && s.first <= s.last; s.first++ {
		s.remove(s.first)
	}
}

// destroy loses a message, and returns what it was; false where there is none.
func (s *stream) destroy(d dice) (seq uint64, data []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first > s.last {
		return 0, nil, false
	}
	seq = uint64(d.number(int(s.first), int(s.last)))
	data, ok = s.messages[seq]
	s.remove(seq)
	return seq, data, ok
}

// remove drops one message. The caller holds the lock.
func (s *stream) remove(seq uint64) {
	if data, ok := s.messages[seq]; ok {
		s.bytes -= int64(len(data) + messageOverhead)
		delete(s.messages, seq)
	}
}

func (s *stream) extent() wal.Extent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wal.Extent{First: s.first, Last: s.last, Bytes: s.bytes, Messages: uint64(len(s.messages))}
}

// next returns the message seq, or a channel that is closed at the next append where there is none yet.
func (s *stream) next(seq uint64) (data []byte, ok bool, appended <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok = s.messages[seq]
	return data, ok, s.appended
}
