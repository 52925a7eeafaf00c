package jetstream

import (
	"context"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/leaks"
)

func TestNothingIsLeftOpen(t *testing.T) {
	leaks.Check(t)
	dir := t.TempDir()
	for range 3 {
		e := openDir(t, dir)
		_, _ = e.Accept(t.Context(), acceptance(1, "#a"))
		closeNow(t, e)
	}
}

// TestHealingLeavesNothingOpen has the store restart its server again and again.
func TestHealingLeavesNothingOpen(t *testing.T) {
	leaks.Check(t)
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	for build := range int64(3) {
		broken := e.log.(*embedded).server
		broken.Shutdown()
		broken.WaitForShutdown()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, err := e.Accept(ctx, acceptance(build+1, "#a")); err != nil; _, err = e.Accept(ctx, acceptance(build+1, "#a")) {
			select {
			case <-e.whole():
			case <-ctx.Done():
				t.Fatal(err)
			}
		}
	}
	if kept := e.Deliveries(queue.Query{}); len(kept) != 3 {
		t.Errorf("%d deliveries, want 3", len(kept))
	}
}

// whole is closed when the store answers.
func (e *Engine) whole() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down == nil {
		now := make(chan struct{})
		close(now)
		return now
	}
	return e.healed
}

func TestLeavingAnExternalStoreLeavesNothingOpen(t *testing.T) {
	c := sharedCluster(t)
	leaks.Check(t)
	opt := externalOptions(c, storeName(t.Name()))
	for build := range int64(2) {
		e, err := Open(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Accept(t.Context(), acceptance(build+1, "#a")); err != nil {
			t.Fatal(err)
		}
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		closeNow(t, e)
	}
}
