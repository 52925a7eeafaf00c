package embedded

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
)

// TestAFullDiskRecovers limits the size of files, as a full disk does. Afterwards everything that was
// acknowledged is there, and the store works again by itself. The error has the disk's own words, and comes long
// before the deadline.
func TestAFullDiskRecovers(t *testing.T) {
	e := mustOpen(t, t.TempDir(), engine.Options{IOTimeout: time.Hour})
	defer closeNow(t, e)
	lift := limitFiles(t, 256<<10)
	stored := map[int64]bool{}
	var refused error
	for build := int64(1); refused == nil; build++ {
		if _, refused = e.Accept(t.Context(), acceptance(build, "#down")); refused == nil {
			stored[build] = true
		}
	}
	const want = "store event: store is unavailable: append to journal: file too large"
	if !errors.Is(refused, queue.ErrUnavailable) || refused.Error() != want || len(stored) == 0 {
		t.Fatalf("refused with %v after %d events, want %s", refused, len(stored), want)
	}
	lift()
	awaitReady(t, e)
	for _, d := range e.Deliveries(queue.Query{}) {
		delete(stored, d.BuildID)
	}
	if len(stored) > 0 {
		t.Fatalf("acknowledged and gone: %v", stored)
	}
	if _, err := e.Accept(t.Context(), acceptance(1e6, "#down")); err != nil {
		t.Fatal(err)
	}
}

// awaitReady waits until the store has recovered.
func awaitReady(t *testing.T, e *store) {
	t.Helper()
	eventually(t, "the store is ready", func() bool { return e.Ready() == nil })
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("it does not become true that %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// limitFiles bounds the size of this process's files, until the function it returns is called.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	return limit(t, syscall.RLIMIT_FSIZE, size)
}

// limit limits a resource of this process, until the function it returns is called.
func limit(t *testing.T, resource int, most uint64) (lift func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(resource, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if err := syscall.Setrlimit(resource, &old); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(lift)
	return lift
}
