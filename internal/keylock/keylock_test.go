package keylock_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/travishook/travishook/internal/keylock"
)

func TestOneAtATimeForEachKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks keylock.Map[string]
		unlock, err := locks.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := locks.Lock(t.Context(), "b"); err != nil {
			t.Error(err)
		} else {
			other()
		}
		var wg sync.WaitGroup
		inside, most := 0, 0
		for range 10 {
			wg.Go(func() {
				unlock, err := locks.Lock(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				inside++ // the lock guards it
				most = max(most, inside)
				inside--
				unlock()
			})
		}
		synctest.Wait()
		if most != 0 {
			t.Error("a locked key was locked again")
		}
		unlock()
		wg.Wait()
		if most != 1 {
			t.Errorf("%d had the lock at the same time", most)
		}
	})
}

func TestTheContextEndsTheWait(t *testing.T) {
	var locks keylock.Map[int]
	unlock, _ := locks.TryLock(1)
	if again, held := locks.TryLock(1); again != nil || held == nil {
		t.Error("locked twice")
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := locks.Lock(ctx, 1); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	unlock()
	if _, err := locks.Lock(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
