package embedded

import (
	"context"
	"runtime"
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

// TestRestartingTheServerLeavesNothingOpen has the store restart its server many times.
func TestRestartingTheServerLeavesNothingOpen(t *testing.T) {
	leaks.Check(t)
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	for build := range int64(3) {
		broken := e.log.server
		broken.Shutdown()
		broken.WaitForShutdown()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, err := e.Accept(ctx, acceptance(build+1, "#a")); err != nil; _, err = e.Accept(ctx, acceptance(build+1, "#a")) {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			runtime.Gosched()
		}
	}
	if kept := e.Deliveries(queue.Query{}); len(kept) != 3 {
		t.Errorf("%d deliveries, want 3", len(kept))
	}
}
