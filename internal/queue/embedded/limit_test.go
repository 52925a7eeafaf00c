package embedded

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/wal"
)

// TestALoweredLimitLetsTheStoreDrain lowers the limit of a store below what it holds, raises it, and lowers it
// again: it opens each time with everything that was stored, refuses events beyond the limit, and stores the
// outcomes that make it smaller.
func TestALoweredLimitLetsTheStoreDrain(t *testing.T) {
	dir := t.TempDir()
	const large, small = 64 << 20, smallStoreBytes
	e := mustOpen(t, dir, engine.Options{MaxBytes: large})
	var builds int64
	for e.Stats().Bytes < wal.Capacity(small)+small {
		builds++
		a := acceptance(builds, "#a")
		a.Event.Commit.Message = strings.Repeat("a long message ", 10_000)
		if _, err := e.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int64{small, large, small} {
		closeNow(t, e)
		e = mustOpen(t, dir, engine.Options{MaxBytes: limit})
		if got := int64(len(e.Deliveries(queue.Query{}))); got != builds {
			t.Fatalf("%d deliveries are left of %d at a limit of %d", got, builds, limit)
		}
	}
	defer func() { closeNow(t, e) }()
	if !refuses(t, e) {
		t.Fatal("an event beyond the limit is stored")
	}
	for range builds {
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			t.Fatalf("an outcome is not stored: %v", err)
		}
	}
	for deadline := time.Now().Add(time.Minute); refuses(t, e); runtime.Gosched() { // the log is trimmed meanwhile
		if time.Now().After(deadline) {
			t.Fatal("a store that was drained refuses events")
		}
	}
}

func refuses(t *testing.T, e *store) bool {
	t.Helper()
	receipt, err := e.Accept(t.Context(), acceptance(1e6, "#a"))
	if err != nil {
		t.Fatal(err)
	}
	refused := receipt.Refused["team-a"]
	if refused != nil && !errors.Is(refused, queue.ErrFull) && !errors.Is(refused, queue.ErrShare) {
		t.Fatal(refused)
	}
	return refused != nil
}
