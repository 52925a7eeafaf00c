package keyvaluetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/travishook/travishook/internal/queue/keyvalue"
)

// Contract tests an empty store. Every keyvalue.Store must pass it.
func Contract(t *testing.T, s keyvalue.Store) {
	t.Helper()
	ctx := t.Context()
	if _, ok := s.Get("keys", "a"); ok {
		t.Error("found what was never stored")
	}
	for _, value := range []string{"old", "new"} {
		if err := s.Put(ctx, "keys", "a", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := s.Get("keys", "a")
	if string(got) != "new" {
		t.Fatalf("got %q, want what was put last", got)
	}
	got[0] = 'x'
	if again, _ := s.Get("keys", "a"); string(again) != "new" {
		t.Errorf("the caller of Get changed the value to %q", again)
	}
	if _, ok := s.Get("ids", "a"); ok {
		t.Error("found it in another bucket")
	}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			err := s.Update(ctx, "counts", "a", func(old []byte, _ bool) ([]byte, error) { return append(old, 'x'), nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, _ := s.Get("counts", "a"); len(got) != 16 {
		t.Errorf("16 updates at once left %q, want each to build on another", got)
	}
	fails := errors.New("no")
	if err := s.Update(ctx, "counts", "b", func([]byte, bool) ([]byte, error) { return []byte("x"), fails }); !errors.Is(err, fails) {
		t.Errorf("update: %v, want the function's own error", err)
	}
	if err := s.Update(ctx, "counts", "b", func([]byte, bool) ([]byte, error) { return nil, nil }); err != nil {
		t.Errorf("update that changes nothing: %v", err)
	}
	if _, ok := s.Get("counts", "b"); ok {
		t.Error("an update without a value stored one")
	}
}
