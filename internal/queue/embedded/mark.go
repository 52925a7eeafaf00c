package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/travishook/travishook/internal/queue/wal"
)

// markFile is the file of the journal's high-water mark, in the store's directory.
//
// It has two slots, each a page of its own, which are written in turn and in place, after each append
// and without a sync. When the process is killed, its writes survive, so the mark is that of the last
// append. When the machine loses power, writes may be lost or torn; a torn slot does not match its
// checksum, and the other one is older. In both cases the mark is not newer than the journal, whose
// appends are synced before the mark is written: it never claims a message that was not stored. Writing
// in place takes no space, so it works on a full disk.
type markFile struct {
	file *os.File

	writing sync.Mutex // held during a write, which takes as long as the disk

	mu    sync.Mutex
	turn  uint64 // of the last write
	found bool   // a mark was there
	mark  wal.HighWater
}

const (
	markName = "high-water-mark"
	slotSize = 4096
	slots    = 2
)

// slot is the content of a slot: a line of JSON after its checksum.
type slot struct {
	Turn uint64        `json:"turn"`
	Mark wal.HighWater `json:"mark"`
}

func openMark(dir string) (*markFile, error) {
	f, err := os.OpenFile(filepath.Join(dir, markName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the high-water mark: %w", err)
	}
	m := &markFile{file: f}
	if err := m.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return m, nil
}

// reopen writes the mark to a new file if its file is not in the directory any more.
func (m *markFile) reopen(dir string) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	path := filepath.Join(dir, markName)
	is, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("open the high-water mark: %w", err)
	}
	if at, err := os.Stat(path); err == nil && os.SameFile(is, at) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open the high-water mark: %w", err)
	}
	lost := m.file
	m.file = f
	return errors.Join(m.reserve(), lost.Close())
}

func (m *markFile) load() error {
	info, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("read the high-water mark: %w", err)
	}
	for i := range int64(slots) {
		page := make([]byte, slotSize)
		n, _ := m.file.ReadAt(page, i*slotSize) // an unreadable slot counts as empty
		if s, ok := decodeSlot(page[:n]); ok && (!m.found || s.Turn > m.turn) {
			m.turn, m.mark, m.found = s.Turn, s.Mark, true
		}
	}
	if info.Size() == slots*slotSize {
		return nil
	}
	return m.reserve()
}

// reserve allocates the space that later writes need.
func (m *markFile) reserve() error {
	for i := range int64(slots) {
		page := make([]byte, slotSize)
		if m.found {
			page = encodeSlot(slot{m.turn, m.mark})
		}
		if _, err := m.file.WriteAt(page, i*slotSize); err != nil {
			return fmt.Errorf("make the high-water mark: %w", err)
		}
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("make the high-water mark: %w", err)
	}
	return nil
}

// write writes nothing if ctx ends before its turn: the file may have a newer mark by then.
func (m *markFile) write(ctx context.Context, mark wal.HighWater, durable bool) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	m.turn, m.mark, m.found = m.turn+1, mark, true
	turn := m.turn
	m.mu.Unlock()
	if _, err := m.file.WriteAt(encodeSlot(slot{turn, mark}), int64(turn%slots)*slotSize); err != nil {
		return fmt.Errorf("write the high-water mark: %w", err)
	}
	if !durable {
		return nil
	}
	if err := syscall.Fdatasync(int(m.file.Fd())); err != nil {
		return fmt.Errorf("write the high-water mark: %w", err)
	}
	return nil
}

// get returns the mark that was last written or found.
func (m *markFile) get() (mark wal.HighWater, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark, m.found
}

func (m *markFile) close() error { return m.file.Close() }

func encodeSlot(s slot) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers, a text and a time: cannot fail
	}
	page := bytes.Repeat([]byte{' '}, slotSize)
	copy(page, fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE(text), text))
	page[slotSize-1] = '\n'
	return page
}

func decodeSlot(page []byte) (s slot, ok bool) {
	sum, text, found := bytes.Cut(bytes.TrimSpace(page), []byte{' '})
	if !found || string(sum) != fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) {
		return slot{}, false
	}
	return s, json.Unmarshal(text, &s) == nil
}
