package engine

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
)

// TestSettlementsShareTheSyncOfAcceptances counts messages, because each is one sync.
func TestSettlementsShareTheSyncOfAcceptances(t *testing.T) {
	const events, interval = 100, 3 * time.Millisecond
	messages := func(delay time.Duration) (n uint64) {
		synctest.Test(t, func(t *testing.T) {
			l := newMemoryLog()
			e := openOn(t, l, Options{SettleDelay: delay})
			defer closeNow(t, e)
			synctest.Wait() // it writes the journal's identity
			before := l.last()
			for build := range int64(events) {
				if _, err := e.Accept(t.Context(), acceptance(build, fmt.Sprint("#", build))); err != nil {
					t.Fatal(err)
				}
				go settleNext(t, e)
				time.Sleep(interval)
			}
			time.Sleep(time.Second)
			if kept := e.Deliveries(queue.Query{}); len(kept) != 0 {
				t.Errorf("%d deliveries are not settled", len(kept))
			}
			n = l.last() - before
		})
		return n
	}
	if n := messages(-1); n != 2*events {
		t.Errorf("%d messages without delay, want %d", n, 2*events)
	}
	if n := messages(0); n > events+1 {
		t.Errorf("%d messages for %d events, want the settlements in those of the events", n, events)
	}
}

// TestASettlementWaitsForABoundedTime: it does not wait while no events arrive, and otherwise at most for
// the delay.
func TestASettlementWaitsForABoundedTime(t *testing.T) {
	for name, test := range map[string]struct{ before, want time.Duration }{
		"right after an event": {0, defaultSettleDelay},
		"in a quiet moment":    {time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := openOn(t, newMemoryLog(), Options{})
				defer closeNow(t, e)
				d := acceptAndTake(t, e)
				time.Sleep(test.before)
				began := time.Now()
				if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != test.want {
					t.Errorf("settled after %v, want %v", took, test.want)
				}
			})
		})
	}
}

// TestCloseStoresWhatWasDeferred: Close does not wait for the delay.
func TestCloseStoresWhatWasDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{SettleDelay: time.Hour})
		d := acceptAndTake(t, e)
		settled := make(chan error, 1)
		go func() {
			settled <- e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()})
		}()
		synctest.Wait()
		closeNow(t, e)
		if err := <-settled; err != nil {
			t.Fatal(err)
		}
		e = openOn(t, l, Options{})
		defer closeNow(t, e)
		if kept := e.Deliveries(queue.Query{}); len(kept) != 0 {
			t.Errorf("kept %+v after it was settled", kept)
		}
	})
}

// losesShards owns all shards until another process writes.
type losesShards struct {
	AllShards
	lost atomic.Bool
}

func (s *losesShards) Owns(int) bool { return !s.lost.Load() }

func (s *losesShards) Applied(*journal.Put) { s.lost.Store(true) }

// TestAFailureIsNotStoredAfterTheShardMoved: the log refuses the outcome, because another process has taken
// the shard, and nothing is stored of it then. A success is stored.
func TestAFailureIsNotStoredAfterTheShardMoved(t *testing.T) {
	for kind, kept := range map[queue.Kind]int{queue.Dead: 1, queue.Delivered: 0} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := waltest.NewMemory(0)
				shards := &losesShards{}
				e := openOn(t, shared.Open(true), Options{Shards: shards, SettleDelay: time.Minute})
				defer closeNow(t, e)
				other := openOn(t, shared.Open(true), Options{})
				defer closeNow(t, other)
				d := acceptAndTake(t, e)
				settled := make(chan error, 1)
				go func() {
					settled <- e.Settle(t.Context(), d.ID, queue.Outcome{Kind: kind, At: time.Now(), Reason: "late"})
				}()
				synctest.Wait() // it waits for others to share its sync
				if err := other.Put(t.Context(), "cluster", "owners", []byte("other")); err != nil {
					t.Fatal(err)
				}
				if err := <-settled; err != nil {
					t.Fatal(err)
				}
				if err := other.Put(t.Context(), "test", "barrier", []byte("applied")); err != nil {
					t.Fatal(err)
				}
				all := other.Deliveries(queue.Query{})
				if len(all) != kept || kept > 0 && all[0].State == queue.DeadLetter {
					t.Errorf("kept %+v, want %d that wait", all, kept)
				}
			})
		})
	}
}

// TestALateOutcomeIsNotThatOfTheNextAttempt: the shard is lost and regained while an attempt hangs, and the
// delivery is handed out again.
func TestALateOutcomeIsNotThatOfTheNextAttempt(t *testing.T) {
	retry := queue.Outcome{Kind: queue.Retry, Reason: "canceled"}
	delivered := queue.Outcome{Kind: queue.Delivered}
	for name, test := range map[string]struct{ late, next queue.Outcome }{
		"a late failure leaves the next attempt alone": {late: retry, next: delivered},
		"a late success counts":                        {late: delivered, next: retry},
	} {
		for _, lateFirst := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, first: %v", name, lateFirst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := openOn(t, newMemoryLog(), Options{})
					defer closeNow(t, e)
					first := acceptAndTake(t, e)
					for shard := range queue.Shards {
						e.Lose(shard)
						e.SetSends(shard, true)
					}
					second, err := e.Take(t.Context(), queue.Healthy)
					if err != nil || second.ID != first.ID || second.Lease == first.Lease {
						t.Fatalf("took %s with lease %d, and then %s with lease %d: %v", first.ID, first.Lease, second.ID, second.Lease, err)
					}
					settleLate, settleNext := func() { settleAs(t, e, first, test.late) }, func() { settleAs(t, e, second, test.next) }
					if lateFirst {
						settleLate()
						if n := e.Counts().Sending; n != 1 && test.late.Kind == queue.Retry {
							t.Errorf("%d attempts are under way after the late failure, want the next one", n)
						}
						settleNext()
					} else {
						settleNext()
						settleLate()
					}
					if kept := e.Deliveries(queue.Query{}); len(kept) != 0 {
						t.Errorf("kept %+v, want that it was delivered", kept)
					}
				})
			})
		}
	}
}

// settleAs settles a delivery as the holder of its lease.
func settleAs(t *testing.T, e *Engine, d queue.Delivery, o queue.Outcome) {
	t.Helper()
	o.Lease, o.At = d.Lease, time.Now()
	if o.Kind == queue.Retry {
		o.Due = o.At
	}
	if err := e.Settle(t.Context(), d.ID, o); err != nil {
		t.Fatal(err)
	}
}
