package engine

import (
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

func TestALimitThatIsTooSmallIsRefused(t *testing.T) {
	if _, err := Open(t.Context(), Options{Log: newMemoryLog(), MaxBytes: 5}); err == nil || !strings.Contains(err.Error(), "at least") {
		t.Errorf("open with a limit of 5 bytes: %v", err)
	}
}
