package filestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// damages are applied to a stream of four blocks: messages 1 to 30, 31 to 60, 61 to 90 and so on, as the
// server divides them.
var damages = map[string]struct {
	do func(s *store)
	// lost is how many messages become unreadable; -1 for a whole block.
	lost int
	// changed are the files that are kept.
	changed []string
}{
	"no damage": {do: func(*store) {}},
	"a flipped bit in the data of a message in the first block": {
		do: func(s *store) { flip(s, 1, messageBytes/2) }, lost: 1, changed: []string{"1.blk"},
	},
	"a flipped bit in the length of a message in the first block": {
		do: func(s *store) { flip(s, 1, recordBytes(s)*3+1) }, lost: 1, changed: []string{"1.blk"},
	},
	"a flipped bit in the number of a message in a middle block": {
		do: func(s *store) { flip(s, 2, recordBytes(s)*5+4) }, lost: 1, changed: []string{"2.blk"},
	},
	"a flipped bit in the last block": {
		do: func(s *store) { flip(s, 3, recordBytes(s)*2+500) }, lost: 1, changed: []string{"3.blk"},
	},
	"a flipped bit in the checksum of the last message": {
		do: func(s *store) { flip(s, 3, len(s.read(s.block(3)))-1) }, lost: 1, changed: []string{"3.blk"},
	},
	"a torn last message": {
		do: func(s *store) { cut(s, 3, len(s.read(s.block(3)))-10) }, lost: 1, changed: []string{"3.blk"},
	},
	"a message torn in its header": {
		do: func(s *store) { cut(s, 3, recordBytes(s)*2+7) }, lost: -1, changed: []string{"3.blk"},
	},
	"an empty first block":  {do: func(s *store) { cut(s, 1, 0) }, lost: -1, changed: []string{"1.blk"}},
	"an empty middle block": {do: func(s *store) { cut(s, 2, 0) }, lost: -1, changed: []string{"2.blk"}},
	"an empty last block":   {do: func(s *store) { cut(s, 3, 0) }, lost: -1},
	"a missing first block": {do: func(s *store) { s.remove(s.block(1)) }, lost: -1},
	"a missing middle block": {
		do: func(s *store) { s.remove(s.block(2)) }, lost: -1,
	},
	"a missing last block": {do: func(s *store) { s.remove(s.block(3)) }, lost: -1},
	"a block of zeros": {
		do:   func(s *store) { s.write(s.block(2), make([]byte, 30_000)) },
		lost: -1, changed: []string{"2.blk"},
	},
	"zeros after the last message": {
		do: func(s *store) { s.write(s.block(3), append(s.read(s.block(3)), make([]byte, 4096)...)) },
	},
	"a damaged index": {do: func(s *store) { s.write(index(s), []byte("no index, but some text that is long enough")) }},
	"a missing meta.inf": {
		do: func(s *store) { s.remove(filepath.Join(s.Dir, "meta.inf")) }, changed: []string{"meta.sum"},
	},
	"a missing meta.sum": {
		do: func(s *store) { s.remove(filepath.Join(s.Dir, "meta.sum")) }, changed: []string{"meta.inf"},
	},
	"a damaged meta.inf": {
		do: func(s *store) { s.write(filepath.Join(s.Dir, "meta.inf"), []byte(`{"name":"JOURNAM"}`)) }, changed: []string{"meta.inf", "meta.sum"},
	},
	"an empty meta.inf": {
		do: func(s *store) { s.write(filepath.Join(s.Dir, "meta.inf"), nil) }, changed: []string{"meta.inf", "meta.sum"},
	},
	"no file at all": {do: func(s *store) {
		if err := os.RemoveAll(s.Dir); err != nil {
			s.t.Fatal(err)
		}
	}, lost: messages},
}

// TestRepair damages a store, repairs it, and opens it with a real server: all readable messages are
// there, each changed file was kept, and the stream continues after its last number.
func TestRepair(t *testing.T) {
	for name, damage := range damages {
		for _, withIndex := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " with an index", false: " without an index"}[withIndex], func(t *testing.T) {
				t.Parallel()
				s := newStore(t)
				if !withIndex {
					s.remove(index(s))
				}
				before := s.perBlock()
				if name != "a damaged index" || withIndex {
					damage.do(s)
				}
				kept := s.repair(messages)
				for _, file := range damage.changed {
					if !slices.Contains(kept, file) {
						t.Errorf("%s was changed and not kept; kept are %v", file, kept)
					}
				}
				found, last := s.served()
				if last != messages {
					t.Errorf("the store goes on after message %d, want %d", last, messages)
				}
				lost := messages - len(found)
				switch {
				case damage.lost >= 0 && lost != damage.lost:
					t.Errorf("%d messages are lost, want %d", lost, damage.lost)
				case damage.lost < 0 && (lost == 0 || lost > slices.Max(before)):
					t.Errorf("%d messages are lost, want those of one block of %v", lost, before)
				}
				if again := s.check(); len(again.Files) > 0 {
					t.Errorf("after the repair: %+v", again.Files)
				}
			})
		}
	}
}

// perBlock is how many messages there are in each block.
func (s *store) perBlock() (counts []int) {
	for n := 1; ; n++ {
		data, err := os.ReadFile(s.block(n))
		if err != nil {
			return counts
		}
		counts = append(counts, bytes.Count(data, []byte(subject)))
	}
}

// repair returns the base names of the files that were kept.
func (s *store) repair(last uint64) (kept []string) {
	s.t.Helper()
	err := s.Repair(s.check(), fix(s, last, &kept))
	if err != nil {
		s.t.Fatal(err)
	}
	return kept
}

func index(s *store) string { return filepath.Join(s.Dir, "msgs", "index.db") }

// recordBytes is the size of one of the first messages on disk.
func recordBytes(s *store) int {
	data := s.read(s.block(1))
	return int(data[0]) | int(data[1])<<8
}

func flip(s *store, block, at int) {
	data := s.read(s.block(block))
	data[at] ^= 4
	s.write(s.block(block), data)
}

func cut(s *store, block, at int) { s.write(s.block(block), s.read(s.block(block))[:at]) }
