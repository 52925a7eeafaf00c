package engine

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

// increment adds one to a value.
func increment(old []byte, _ bool) ([]byte, error) {
	n, _ := strconv.Atoi(string(old))
	return []byte(strconv.Itoa(n + 1)), nil
}

// TestUpdatesOfSeveralProcessesAreAllCounted has three engines on one log increment one value.
func TestUpdatesOfSeveralProcessesAreAllCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := waltest.NewMemory(0)
		var engines []*Engine
		for range 3 {
			e := openOn(t, shared.Open(true), Options{})
			defer closeNow(t, e)
			engines = append(engines, e)
		}
		var all sync.WaitGroup
		for _, e := range engines {
			for range 4 {
				all.Go(func() {
					for range 25 {
						if err := e.Update(t.Context(), "counters", "builds", increment); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		for _, e := range engines {
			if err := e.Put(t.Context(), "test", "barrier", []byte("applied")); err != nil {
				t.Fatal(err)
			}
			if got, _ := e.Get("counters", "builds"); string(got) != "300" {
				t.Errorf("counted to %s, want 300", got)
			}
		}
	})
}

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		if err := e.Put(t.Context(), "pins", "a/b", []byte("1")); err != nil {
			t.Fatal(err)
		}
		before := l.last()
		taken := errors.New("taken")
		if err := e.Update(t.Context(), "pins", "a/b", func([]byte, bool) ([]byte, error) { return nil, taken }); !errors.Is(err, taken) {
			t.Errorf("update returned %v, want the error of its change", err)
		}
		if err := e.Update(t.Context(), "pins", "a/b", func(old []byte, _ bool) ([]byte, error) { return old, nil }); err != nil {
			t.Error(err)
		}
		if got, _ := e.Get("pins", "a/b"); string(got) != "1" || l.last() != before {
			t.Errorf("value %s after %d messages more", got, l.last()-before)
		}
	})
}

// slowLog appends when it is told to.
type slowLog struct {
	*memoryLog
	proceed chan struct{}
}

func (l *slowLog) Append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	<-l.proceed
	return l.memoryLog.Append(ctx, data, last)
}

// TestAnUpdateWhoseCallerHasLeftIsNotStored: its function uses variables of the caller, who has them back.
func TestAnUpdateWhoseCallerHasLeftIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &slowLog{newMemoryLog(), make(chan struct{})}
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		var all sync.WaitGroup
		all.Go(func() {
			if err := e.Put(t.Context(), "counters", "other", []byte("1")); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait() // the log appends
		ctx, cancel := context.WithCancel(t.Context())
		called := false
		all.Go(func() {
			err := e.Update(ctx, "counters", "builds", func(old []byte, ok bool) ([]byte, error) {
				called = true
				return increment(old, ok)
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("update returned %v, want that it was cancelled", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(l.proceed)
		all.Wait()
		if err := e.Put(t.Context(), "counters", "barrier", []byte("1")); err != nil {
			t.Fatal(err)
		}
		if value, ok := e.Get("counters", "builds"); called || ok {
			t.Errorf("called: %v, stored %q after the caller had left", called, value)
		}
	})
}

func TestALimitThatIsTooSmallIsRefused(t *testing.T) {
	if _, err := Open(t.Context(), Options{Log: newMemoryLog(), MaxBytes: 5}); err == nil || !strings.Contains(err.Error(), "at least") {
		t.Errorf("open with a limit of 5 bytes: %v", err)
	}
}
