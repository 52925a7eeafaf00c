package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/queue/wal/waltest"
	"github.com/travishook/travishook/internal/travis"
)

var faults = map[string]func(*memoryLog, []byte) error{
	"stored and not answered": storedUnanswered,
	"not stored":              notStored,
}

func TestAcceptAfterAnUnknownOutcomeStoresOnce(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newMemoryLog()
				e := openOn(t, l, Options{})
				defer closeNow(t, e)
				l.set(func(l *memoryLog) { l.fault = fault })
				if _, err := e.Accept(t.Context(), acceptance(1, "#a")); !errors.Is(err, queue.ErrUnavailable) {
					t.Fatalf("accept: %v, want that the store is unavailable", err)
				}
				if err := e.Ready(); !errors.Is(err, queue.ErrUnavailable) {
					t.Fatalf("ready: %v, want that the store is unavailable", err)
				}
				l.set(func(l *memoryLog) { l.fault = nil })
				time.Sleep(time.Minute)
				if err := e.Ready(); err != nil {
					t.Fatalf("not ready after the disk is back: %v", err)
				}
				if _, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil {
					t.Fatal(err)
				}
				if kept := e.Deliveries(queue.Query{}); len(kept) != 1 {
					t.Fatalf("%d deliveries, want one", len(kept))
				}
			})
		})
	}
}

func TestSettleWaitsForTheStore(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newMemoryLog()
				e := openOn(t, l, Options{})
				defer closeNow(t, e)
				d := acceptAndTake(t, e)
				l.set(func(l *memoryLog) { l.fault, l.reopened = fault, errDisk })
				settled := make(chan error, 1)
				go func() {
					settled <- e.Settle(t.Context(), d.ID, queue.Outcome{
						Kind: queue.Retry, At: time.Now(), Due: time.Now().Add(time.Hour),
					})
				}()
				synctest.Wait()
				select {
				case err := <-settled:
					t.Fatalf("settle returned %v while the store was away", err)
				default:
				}
				l.set(func(l *memoryLog) { l.fault, l.reopened = nil, nil })
				time.Sleep(time.Minute)
				if err := <-settled; err != nil {
					t.Fatal(err)
				}
				if kept := e.Deliveries(queue.Query{}); len(kept) != 1 || kept[0].Attempts != 1 || kept[0].State != queue.Waiting {
					t.Fatalf("kept %+v, want one attempt", kept)
				}
			})
		})
	}
}

func acceptAndTake(t *testing.T, e *Engine) queue.Delivery {
	t.Helper()
	if _, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil {
		t.Fatal(err)
	}
	d, err := e.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTakeResumesWhenTheStoreIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		l.set(func(l *memoryLog) { l.fault = storedUnanswered })
		_, _ = e.Accept(t.Context(), acceptance(1, "#a"))
		took := make(chan error, 1)
		go func() {
			_, err := e.Take(t.Context(), queue.Healthy)
			took <- err
		}()
		synctest.Wait()
		l.set(func(l *memoryLog) { l.fault = nil })
		if err := <-took; err != nil {
			t.Fatal(err)
		}
	})
}

func TestReopeningIsTriedUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		l.set(func(l *memoryLog) { l.fault, l.reopened = notStored, errDisk })
		_, _ = e.Accept(t.Context(), acceptance(1, "#a"))
		time.Sleep(10 * time.Minute)
		if err := e.Ready(); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("ready: %v", err)
		}
		l.set(func(l *memoryLog) {
			if l.reopens < 10 || l.reopens > 100 {
				t.Errorf("reopened %d times in ten minutes", l.reopens)
			}
			l.fault, l.reopened = nil, nil
		})
		time.Sleep(defaultMaxReopenPause)
		if err := e.Ready(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRecoveryDoesNotWaitForAnAnswerForLong: a server whose disk is full does not answer, even when there is
// space again.
func TestRecoveryDoesNotWaitForAnAnswerForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		l.set(func(l *memoryLog) { l.hangs = true })
		if _, err := e.Accept(t.Context(), acceptance(1, "#a")); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("accept: %v, want that the store is unavailable", err)
		}
		time.Sleep(time.Second) // its writes fail
		l.set(func(l *memoryLog) { l.hangs = false })
		time.Sleep(defaultIOTimeout + time.Second)
		if err := e.Ready(); err != nil {
			t.Fatalf("not ready long after the disk is back: %v", err)
		}
	})
}

func TestAnotherWriterIsNoticedAndFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e, other := openOn(t, l, Options{}), openOn(t, l, Options{})
		defer closeNow(t, e)
		defer closeNow(t, other)
		if _, err := other.Accept(t.Context(), acceptance(1, "#a")); err != nil {
			t.Fatal(err)
		}
		receipt, err := e.Accept(t.Context(), acceptance(1, "#a"))
		if err != nil || len(receipt.Seen) != 1 {
			t.Fatalf("%v, %v; want that the other's event was seen", receipt, err)
		}
	})
}

// TestDeliveredMessagesAreNotRepeatedAfterRereading has another process trim the log just when an outcome
// is to be stored: after that the log contains the delivery, and not yet its outcome.
func TestDeliveredMessagesAreNotRepeatedAfterRereading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		l.updates = make(chan wal.Message)
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		d := acceptAndTake(t, e)
		appends := 0
		l.set(func(l *memoryLog) {
			accepted := l.messages[len(l.messages)-1]
			l.fault = func(l *memoryLog, _ []byte) error {
				appends++
				if appends == 1 { // the other process copies what waits, and purges what was before
					l.first = l.last() + 2
					l.messages = [][]byte{accepted}
					return wal.ErrConflict
				}
				l.fault = nil
				l.mu.Unlock()
				<-time.After(3 * pollInterval)
				l.mu.Lock()
				return wal.ErrConflict
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		again := make(chan error)
		go func() {
			_, err := e.Take(ctx, queue.Healthy)
			again <- err
		}()
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		cancel()
		if err := <-again; err == nil {
			t.Error("a delivery that was settled is handed out again")
		}
		if appends != 2 {
			t.Fatalf("the log was written %d times, want twice until it was read again: the test tests nothing", appends)
		}
	})
}

// TestALogThatLostItsEnd: for a minute the store assumes that a server lags behind. Then it continues with
// the remaining messages, and reports the missing ones.
func TestALogThatLostItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		acceptAndTake(t, e)
		l.set(func(l *memoryLog) { l.messages, l.fault = nil, notStored })
		_, _ = e.Accept(t.Context(), acceptance(2, "#a"))
		l.set(func(l *memoryLog) { l.fault = nil })
		time.Sleep(10 * time.Second)
		if err := e.Ready(); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("ready: %v, want that the store is unavailable", err)
		}
		time.Sleep(time.Hour)
		if err := e.Ready(); err != nil {
			t.Fatalf("not ready an hour later: %v", err)
		}
		if losses := e.Losses(); len(losses) != 1 || losses[0].Messages == 0 || losses[0].Waited != 1 {
			t.Fatalf("losses %+v, want one", losses)
		}
		if _, err := e.Accept(t.Context(), acceptance(3, "#a")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnEntryOfALaterVersionIsAnErrorAtStart(t *testing.T) {
	l := newMemoryLog()
	l.add([]byte(`{"v":3,"accept":{}}`))
	if _, err := Open(t.Context(), Options{Log: l}); err == nil || !strings.Contains(err.Error(), "replay message 1") {
		t.Error(err)
	}
}

func TestCloseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		l.set(func(l *memoryLog) { l.fault, l.reopened = notStored, errDisk })
		_, _ = e.Accept(t.Context(), acceptance(1, "#a"))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

// TestUnansweredPurgeIsNoticed: the messages were purged, although the purge returned an error.
func TestUnansweredPurgeIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &mutePurge{memoryLog: newMemoryLog(), answers: 1}
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		for build := int64(100); build < 8000; build++ {
			if _, err := e.Accept(t.Context(), acceptance(build, "#alive")); err != nil {
				time.Sleep(time.Second) // it recovers
				continue
			}
			d, err := e.Take(t.Context(), queue.Healthy)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // the committer may be trimming
		if err := e.Ready(); err != nil || l.answers > 0 || l.first < 4000 {
			t.Fatalf("ready: %v, the log begins at %d; want it trimmed on and on", err, l.first)
		}
	})
}

// mutePurge purges and then returns an error, once, after some successful purges.
type mutePurge struct {
	*memoryLog
	answers int
}

func (l *mutePurge) Purge(ctx context.Context, seq uint64) error {
	err := l.memoryLog.Purge(ctx, seq)
	l.answers--
	if l.answers == -1 {
		return errDisk
	}
	return err
}

func TestAnUnreadableEventDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		e.events = newCache[journal.Position, *travis.Event](0)
		e.messages = newCache[uint64, []byte](0)
		for build, room := range []string{"#damaged", "#sound"} {
			if _, err := e.Accept(t.Context(), acceptance(int64(build+1), room)); err != nil {
				t.Fatal(err)
			}
		}
		l.set(func(l *memoryLog) { l.damaged = l.last() - 1 })
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil || d.Event.Build.ID != 2 {
			t.Fatalf("%+v, %v; want the event that can be read", d, err)
		}
		if kept := e.Deliveries(queue.Query{}); len(kept) != 2 || kept[0].Last.Reason == "" {
			t.Errorf("kept %+v; the other was never confirmed", kept)
		}

		l.set(func(l *memoryLog) { l.damaged = 0 })
		if d, err = e.Take(t.Context(), queue.Healthy); err != nil || d.Event.Build.ID != 1 {
			t.Errorf("%+v, %v; want the event that can be read again", d, err)
		}
	})
}

// hangingMark is a log whose disk hangs right after an append.
type hangingMark struct {
	*memoryLog
	stuck atomic.Bool
}

func (l *hangingMark) HighWater() (wal.HighWater, bool) { return wal.HighWater{}, false }

func (l *hangingMark) Keep(ctx context.Context, _ wal.HighWater, _ bool) error {
	if !l.stuck.Load() {
		return nil
	}
	<-ctx.Done()
	return wal.ErrUnanswered
}

func (l *hangingMark) SetAside(string, []byte) error { return nil }

func (l *hangingMark) Reopen(ctx context.Context) error {
	if l.stuck.Load() {
		return wal.ErrUnanswered
	}
	return l.memoryLog.Reopen(ctx)
}

// TestADiskThatHangsAfterAnAppendIsReported: what was appended is stored, and nothing more is accepted until
// the disk answers.
func TestADiskThatHangsAfterAnAppendIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &hangingMark{memoryLog: newMemoryLog()}
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		synctest.Wait()
		l.stuck.Store(true)
		if err := refusal(t, e, acceptance(1, "#a")); err != nil {
			t.Errorf("the event that was appended was refused: %v", err)
		}
		synctest.Wait()
		if err := e.Ready(); !errors.Is(err, queue.ErrUnavailable) || !errors.Is(err, wal.ErrUnanswered) {
			t.Errorf("ready: %v, want the reason", err)
		}
		l.stuck.Store(false)
		time.Sleep(time.Minute)
		if err := e.Ready(); err != nil {
			t.Errorf("the disk answers again, and the store does not: %v", err)
		}
	})
}

// growingLog grows once, when it is about to be read to its end.
type growingLog struct {
	wal.Log
	grow func()
}

func (l *growingLog) Replay(ctx context.Context, from uint64, fn func(uint64, []byte) error) error {
	if grow := l.grow; grow != nil {
		l.grow = nil
		grow()
	}
	return l.Log.Replay(ctx, from, fn)
}

// TestAMessageIsAppliedOnceThoughTheLogGrowsWhileItIsRead has another process store the outcome of an attempt.
func TestAMessageIsAppliedOnceThoughTheLogGrowsWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := waltest.NewMemory(0)
		other := openOn(t, shared.Open(true), Options{})
		defer closeNow(t, other)
		d := acceptAndTake(t, other)
		log := &growingLog{shared.Open(true), func() {
			outcome := queue.Outcome{Kind: queue.Retry, At: time.Now(), Due: time.Now().Add(time.Hour)}
			if err := other.Settle(t.Context(), d.ID, outcome); err != nil {
				t.Error(err)
			}
		}}
		e := openOn(t, log, Options{})
		defer closeNow(t, e)
		time.Sleep(2 * pollInterval)
		if got := e.Deliveries(queue.Query{}); len(got) != 1 || got[0].Attempts != 1 {
			t.Errorf("it knows %+v, want one delivery with one attempt", got)
		}
	})
}
