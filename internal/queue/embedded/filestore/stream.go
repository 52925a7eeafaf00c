package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Stream is the location of a stream's files, and its subject.
type Stream struct {
	Dir     string // of the stream: meta.inf, and msgs with its blocks
	Name    string
	Subject string // the only one that messages of the stream have
}

const (
	messagesDir = "msgs"
	indexFile   = "index.db"
	metaFile    = "meta.inf"
	sumFile     = "meta.sum"
	blockSuffix = ".blk"
)

// Report is the result of a check.
type Report struct {
	// Files are the damaged files, with the reason. Missing blocks and lost messages are not listed.
	Files []File
	// First and Last are the first and the last message, and Messages is how many there are. First is
	// Last+1 if there is none.
	First, Last, Messages uint64
	Bytes                 int64 // that were read
	NoIndex               bool  // the server rebuilds it from the blocks
	missingMeta           bool
	lastBlock             int
}

// File is a damaged file.
type File struct {
	Name    string // relative to the stream's directory
	Problem string
	// Torn says that only its end is damaged, as after a power loss during a write.
	Torn bool

	block int   // the block's number, or 0
	whole int64 // bytes before the torn part
}

// Check reads all files of a stream and changes nothing. It calls progress after each block.
func (s Stream) Check(ctx context.Context, progress func(read, total int64)) (Report, error) {
	r := Report{First: 1}
	if err := s.checkMeta(&r); err != nil {
		return r, err
	}
	blocks, total, err := s.blocks()
	if err != nil {
		return r, err
	}
	var t tally
	for _, index := range blocks {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		n, err := s.checkBlock(index, index == blocks[len(blocks)-1], &r, &t)
		if err != nil {
			return r, err
		}
		r.Bytes += n
		r.lastBlock = index
		progress(r.Bytes, total)
	}
	t.into(&r)
	_, err = os.Stat(s.path(messagesDir, indexFile))
	r.NoIndex = errors.Is(err, fs.ErrNotExist) && len(blocks) > 0
	return r, nil
}

// blocks lists the message blocks in their order.
func (s Stream) blocks() (blocks []int, total int64, err error) {
	entries, err := os.ReadDir(s.path(messagesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("list message blocks: %w", err)
	}
	for _, e := range entries {
		number, is := strings.CutSuffix(e.Name(), blockSuffix)
		index, err := strconv.Atoi(number)
		if !is || err != nil {
			continue
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		blocks = append(blocks, index)
	}
	slices.Sort(blocks)
	return blocks, total, nil
}

func (s Stream) checkBlock(index int, last bool, r *Report, t *tally) (int64, error) {
	name := filepath.Join(messagesDir, strconv.Itoa(index)+blockSuffix)
	b, size, err := s.readBlock(name, index)
	if err != nil {
		return 0, fmt.Errorf("read message block: %w", err)
	}
	t.add(&b)
	f := File{Name: name, block: index}
	switch {
	case size == 0 && last:
		return 0, nil // the server has just created the block
	case size == 0:
		f.Problem = "is empty"
	case b.damaged > 0:
		f.Problem = fmt.Sprintf("%d of %d bytes cannot be read", b.damaged, size)
		f.Torn, f.whole = last && b.torn == b.damaged, size-b.torn
	default:
		return size, nil
	}
	r.Files = append(r.Files, f)
	return size, nil
}

func (s Stream) path(names ...string) string {
	return filepath.Join(append([]string{s.Dir}, names...)...)
}

// tally counts the messages of all blocks. Tombstones of removed messages are in the same or a
// later block.
type tally struct {
	live, removed runs
	highest       uint64
}

func (t *tally) add(b *block) {
	for i := range b.records {
		r := &b.records[i]
		switch {
		case r.live() && r.seq > t.highest:
			t.live.add(r.seq)
		case r.tombstone:
			t.removed.add(r.seq)
		}
		t.highest = max(t.highest, r.seq)
	}
}

func (t *tally) into(r *Report) {
	r.Last, r.First = t.highest, t.highest+1
	for _, left := range t.live.without(t.removed) {
		r.First = min(r.First, left.from)
		r.Messages += left.to - left.from + 1
	}
}

// run is a range of numbers without a gap, both ends included.
type run struct{ from, to uint64 }

// runs are ranges of numbers: a compact form of a million messages.
type runs []run

func (r *runs) add(seq uint64) {
	if n := len(*r); n > 0 && (*r)[n-1].to+1 == seq {
		(*r)[n-1].to = seq
		return
	}
	*r = append(*r, run{seq, seq})
}

// without returns r minus others.
func (r runs) without(others runs) runs {
	for _, o := range others {
		var left runs
		for _, x := range r {
			if o.to < x.from || o.from > x.to {
				left = append(left, x)
				continue
			}
			if x.from < o.from {
				left = append(left, run{x.from, o.from - 1})
			}
			if x.to > o.to {
				left = append(left, run{o.to + 1, x.to})
			}
		}
		r = left
	}
	return r
}
