// Package waltest tests the contract of wal.Log, and provides a log in memory.
package waltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Open opens the log named name; the same name is the same log. The caller closes it.
type Open func(t testing.TB, name string) wal.Log

// Run runs all tests of the contract, each on a log of its own.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*fixture){
		"an empty log begins at message 1":          testEmpty,
		"a message is read back as it was":          testRead,
		"an append after another message conflicts": testConflict,
		"replay hands out every message in order":   testReplay,
		"replay ends with the callback's error":     testReplayStops,
		"purge drops the beginning":                 testPurge,
		"messages survive a restart":                testRestart,
		"a log goes on after it was reopened":       testReopen,
		"updates bring what is appended":            testUpdates,
		"the largest message fits":                  testLargest,
	} {
		t.Run(name, func(t *testing.T) { test(newFixture(t, open)) })
	}
}

type fixture struct {
	*testing.T
	wal.Log
	open Open
	name string
}

func newFixture(t *testing.T, open Open) *fixture {
	f := &fixture{T: t, open: open, name: t.TempDir()}
	f.Log = open(t, f.name)
	t.Cleanup(f.close)
	return f
}

func (f *fixture) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		f.Errorf("close: %v", err)
	}
}

func (f *fixture) restart() {
	f.Helper()
	f.close()
	f.Log = f.open(f.T, f.name)
}

func payload(seq uint64) []byte { return fmt.Appendf(nil, "message %d", seq) }

// fill appends messages 1 to n.
func (f *fixture) fill(n uint64) {
	f.Helper()
	for last := range n {
		seq, err := f.Append(f.Context(), payload(last+1), last)
		if err != nil || seq != last+1 {
			f.Fatalf("append after %d: %d, %v", last, seq, err)
		}
	}
}

func (f *fixture) extent() wal.Extent {
	f.Helper()
	x, err := f.Extent(f.Context())
	if err != nil {
		f.Fatalf("extent: %v", err)
	}
	return x
}

// holds checks that the log has messages first to last, each as it was appended.
func (f *fixture) holds(first, last uint64) {
	f.Helper()
	if x := f.extent(); x.First != first || x.Last != last {
		f.Fatalf("extent is %d to %d, want %d to %d", x.First, x.Last, first, last)
	}
	next := first
	err := f.Replay(f.Context(), first, func(seq uint64, data []byte) error {
		if seq != next || !bytes.Equal(data, payload(seq)) {
			return fmt.Errorf("message %d is %q, want message %d", seq, data, next)
		}
		next++
		return nil
	})
	if err != nil || next != last+1 {
		f.Fatalf("replayed to message %d: %v", next-1, err)
	}
}

func testEmpty(f *fixture) {
	f.holds(1, 0)
	if _, err := f.Read(f.Context(), 1); !errors.Is(err, wal.ErrGone) {
		f.Errorf("read from an empty log: %v", err)
	}
}

func testRead(f *fixture) {
	f.fill(3)
	data, err := f.Read(f.Context(), 2)
	if err != nil || !bytes.Equal(data, payload(2)) {
		f.Errorf("read %q, %v", data, err)
	}
	if _, err := f.Read(f.Context(), 4); !errors.Is(err, wal.ErrGone) {
		f.Errorf("read beyond the end: %v", err)
	}
}

func testConflict(f *fixture) {
	f.fill(3)
	for _, last := range []uint64{0, 2, 4} {
		if _, err := f.Append(f.Context(), payload(4), last); !errors.Is(err, wal.ErrConflict) {
			f.Errorf("append after message %d of 3: %v", last, err)
		}
	}
	f.holds(1, 3)
}

func testReplay(f *fixture) {
	f.fill(300)
	f.holds(1, 300)
	var got []uint64
	if err := f.Replay(f.Context(), 298, func(seq uint64, _ []byte) error { got = append(got, seq); return nil }); err != nil {
		f.Fatal(err)
	}
	if fmt.Sprint(got) != "[298 299 300]" {
		f.Errorf("replayed %v from message 298", got)
	}
}

func testReplayStops(f *fixture) {
	f.fill(3)
	enough := errors.New("enough")
	read := 0
	err := f.Replay(f.Context(), 1, func(uint64, []byte) error { read++; return enough })
	if !errors.Is(err, enough) || read != 1 {
		f.Errorf("%d messages, %v", read, err)
	}
}

func testPurge(f *fixture) {
	f.fill(10)
	before := f.extent().Bytes
	if err := f.Purge(f.Context(), 8); err != nil {
		f.Fatal(err)
	}
	f.holds(8, 10)
	if after := f.extent().Bytes; after >= before || after <= 0 {
		f.Errorf("%d bytes after the purge of %d", after, before)
	}
	if _, err := f.Read(f.Context(), 7); !errors.Is(err, wal.ErrGone) {
		f.Errorf("read what was purged: %v", err)
	}
	if err := f.Purge(f.Context(), 11); err != nil {
		f.Fatal(err)
	}
	f.holds(11, 10)
	if seq, err := f.Append(f.Context(), payload(11), 10); err != nil || seq != 11 {
		f.Errorf("append to a log that was purged to its end: %d, %v", seq, err)
	}
}

func testRestart(f *fixture) {
	f.fill(10)
	if err := f.Purge(f.Context(), 4); err != nil {
		f.Fatal(err)
	}
	f.restart()
	f.holds(4, 10)
	if seq, err := f.Append(f.Context(), payload(11), 10); err != nil || seq != 11 {
		f.Errorf("append after a restart: %d, %v", seq, err)
	}
}

func testReopen(f *fixture) {
	f.fill(3)
	if err := f.Reopen(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.holds(1, 3)
	if seq, err := f.Append(f.Context(), payload(4), 3); err != nil || seq != 4 {
		f.Errorf("append after reopening: %d, %v", seq, err)
	}
}

func testUpdates(f *fixture) {
	updates := f.Updates()
	if updates == nil {
		return // no other process appends
	}
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	for last := uint64(0); ; last++ { // the first may be missed
		seq, err := f.Append(ctx, payload(last+1), last)
		if err != nil || seq != last+1 {
			f.Fatalf("append after %d: %d, %v", last, seq, err)
		}
		select {
		case m := <-updates:
			if m.Seq > seq || !bytes.Equal(m.Data, payload(m.Seq)) {
				f.Fatalf("update %d %q after message %d", m.Seq, m.Data, seq)
			}
			return
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			f.Fatal("no update came")
		}
	}
}

func testLargest(f *fixture) {
	data := bytes.Repeat([]byte("x"), f.MaxMessage()-1<<10) // the rest is for headers
	if _, err := f.Append(f.Context(), data, 0); err != nil {
		f.Fatal(err)
	}
	got, err := f.Read(f.Context(), 1)
	if err != nil || !bytes.Equal(got, data) {
		f.Errorf("read %d bytes of %d, %v", len(got), len(data), err)
	}
}
