package embedded

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue/wal"
)

// TestAMarkThatCannotBeWrittenIsNotWaitedFor: a write to a disk that hangs does not return.
func TestAMarkThatCannotBeWrittenIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	mark, err := openMark(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &embedded{mark: mark, dir: &directory{path: dir, lock: mustLock(t, dir)}}
	mark.writing.Lock() // as the write that hangs does
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := l.Keep(ctx, wal.HighWater{Last: 1}, false); !errors.Is(err, wal.ErrUnanswered) {
		t.Errorf("got %v, want %v", err, wal.ErrUnanswered)
	}
	if _, found := mark.get(); found {
		t.Error("the mark is said to be kept")
	}
	mark.writing.Unlock()
	if err := l.Keep(t.Context(), wal.HighWater{Last: 2}, false); err != nil {
		t.Fatal(err)
	}
	if err := mark.write(ctx, wal.HighWater{Last: 1}, false); err == nil {
		t.Error("a write that is late is made")
	}
	if got, _ := mark.get(); got.Last != 2 {
		t.Errorf("the mark is %d, want the newer one", got.Last)
	}
	if err := errors.Join(mark.close(), l.dir.close()); err != nil {
		t.Fatal(err)
	}
}
