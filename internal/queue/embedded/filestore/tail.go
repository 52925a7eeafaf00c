package filestore

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
)

// ErrRemoved says that a person has removed or replaced files that the server has open.
var ErrRemoved = errors.New("removed or replaced while the operator runs")

var errFilesRemoved = fmt.Errorf("the store's files were %w: stop it before you change them", ErrRemoved)

// Tail checks that what the server appends is in the files that the stream's path leads to. The server does not notice
// when they are removed or renamed: it goes on writing to the file that it has open.
type Tail struct {
	Stream

	mu     sync.Mutex
	newest string      // path of the block that had the last message
	seen   os.FileInfo // of that block then
}

// Check returns an error unless message seq, whose data have size bytes, is stored. The server has written it by the
// time that it acknowledges the message. The error is ErrRemoved if it is certain that the message is not there.
func (t *Tail) Check(seq uint64, size int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grown(size) {
		return nil
	}
	blocks, _, err := t.blocks()
	if err != nil {
		return err
	}
	missing := errFilesRemoved
	for _, index := range slices.Backward(blocks) {
		newest, err := t.find(index, seq, size)
		switch {
		case err == nil && newest >= seq:
			return nil
		case err == nil && newest > 0:
			return missing
		case err != nil && !errors.Is(err, os.ErrNotExist):
			missing = err // the message may be there
		}
	}
	return missing
}

// grown reports whether the newest block is the same file as before, and longer by at least a message. That is cheap,
// and enough until the server begins another block or shortens this one.
func (t *Tail) grown(size int) bool {
	if t.seen == nil {
		return false
	}
	at, err := os.Stat(t.newest)
	if err != nil || !os.SameFile(at, t.seen) || at.Size() < t.seen.Size()+emptyRecord+int64(size) {
		return false
	}
	t.seen = at
	return true
}

// headerRoom is more than a record has beside its subject and its data.
const headerRoom = emptyRecord + 512

// find returns the newest message at the end of a block, which is where message seq would be. It is zero in a file that
// is not the server's: the next start moves that away.
func (t *Tail) find(index int, seq uint64, size int) (newest uint64, err error) {
	path := t.path(messagesDir, strconv.Itoa(index)+blockSuffix)
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	at, err := f.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]byte, min(at.Size(), int64(headerRoom+len(t.Subject)+size)))
	if _, err := f.ReadAt(buf, at.Size()-int64(len(buf))); err != nil {
		return 0, err
	}
	for _, r := range newCodec(t.Name, index).scan(buf, t.Subject).records {
		if r.live() {
			newest = max(newest, r.seq)
		}
	}
	if newest >= seq {
		t.newest, t.seen = path, at
	}
	return newest, nil
}
