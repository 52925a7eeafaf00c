package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/travis"
)

const smallStoreBytes = 2 << 20

// deliverMany stores and delivers events through the channel #alive.
func deliverMany(t *testing.T, e *Engine, from, n int64) {
	t.Helper()
	for build := from; build < from+n; build++ {
		acceptAndSettle(t, e, acceptance(build, "#alive"), queue.Delivered)
	}
}

func TestTrimmingFreesSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		for build := range int64(20) { // they wait through all that follows
			if _, err := e.Accept(t.Context(), acceptance(build, fmt.Sprint("#down-", build))); err != nil {
				t.Fatal(err)
			}
			d, err := e.Take(t.Context(), queue.Healthy)
			if err != nil {
				t.Fatal(err)
			}
			due := time.Now().Add(time.Hour)
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Retry, At: time.Now(), Due: due, Reason: "down"}); err != nil {
				t.Fatal(err)
			}
		}
		deliverMany(t, e, 1000, 5000) // several times the limit
		synctest.Wait()               // the committer may be trimming
		if l.first < 2000 {
			t.Errorf("the log begins at message %d: it was hardly trimmed", l.first)
		}
		before, channels := e.Deliveries(queue.Query{}), e.Channels("team-a", "builds")
		closeNow(t, e)
		e = openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		if diff := cmp.Diff(before, e.Deliveries(queue.Query{})); diff != "" {
			t.Errorf("deliveries (-before +after the restart):\n%s", diff)
		}
		byRoom := func(list []queue.ChannelStatus) map[string]queue.ChannelStatus {
			m := map[string]queue.ChannelStatus{}
			for _, c := range list {
				m[c.Target.Address] = c
			}
			return m
		}
		if diff := cmp.Diff(byRoom(channels), byRoom(e.Channels("team-a", "builds"))); diff != "" {
			t.Errorf("channels (-before +after the restart):\n%s", diff)
		}
		if r, err := e.Accept(t.Context(), acceptance(1000, "#alive")); err != nil || len(r.Seen) != 1 {
			t.Errorf("%v, %v; want that the event is known", r, err)
		}
		time.Sleep(time.Hour)
		for range 20 {
			d, err := e.Take(t.Context(), queue.Probation)
			if err != nil {
				t.Fatal(err)
			}
			if d.Event.Commit.SHA == "" || d.Attempt != 2 || d.LastReason != "down" {
				t.Fatalf("handed out %+v, want the whole event", d)
			}
		}
	})
}

// TestWhatEndsAfterAPassIsTrimmed: the pass has copied all of the log, because everything in it was waiting, and
// then it all ends. The log has hardly grown since, so that it is not its size that calls for another pass.
func TestWhatEndsAfterAPassIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openOn(t, newMemoryLog(), Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		for build := int64(0); refusal(t, e, acceptance(build, "#down")) == nil; {
			build++
		}
		trimAll(t, e)
		full := e.Stats().Bytes
		everything := func(queue.Target) bool { return true }
		if n, err := e.Drop(t.Context(), everything, "the route was deleted"); err != nil || n == 0 {
			t.Fatalf("dropped %d deliveries: %v", n, err)
		}
		synctest.Wait()
		if left := e.Stats().Bytes; left > full/4 {
			t.Errorf("the log has %d bytes after all of its deliveries have ended, and %d before", left, full)
		}
	})
}

func TestAFullStoreRefusesEventsAndSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		l.limit = wal.Capacity(smallStoreBytes)
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		var refused error
		builds := int64(0)
		for ; refused == nil; builds++ { // each in a namespace of its own, which has room as long as there is any
			refused = refusal(t, e, inNamespace(fmt.Sprint("team-", builds), acceptance(builds, "#down")))
		}
		if !errors.Is(refused, queue.ErrFull) || !errors.Is(e.Ready(), queue.ErrFull) {
			t.Fatalf("refused with %v, ready: %v; want that the store is full", refused, e.Ready())
		}
		for range 20_000 { // more than the reserve, in outcomes
			retryNext(t, e)
		}
		synctest.Wait()            // the committer may be trimming
		if l.read > 2*l.appended { // events are read to be sent, too
			t.Errorf("read %d bytes to trim a log of which %d were written: each message should be read once", l.read, l.appended)
		}
		if kept := len(e.Deliveries(queue.Query{})); int64(kept) != builds-1 {
			t.Fatalf("%d deliveries are kept of %d", kept, builds-1)
		}
		for range builds - 1 {
			d := takeAny(t, e)
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Dropped, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		if err := refusal(t, e, acceptance(builds, "#down")); err != nil {
			t.Fatalf("refused with an empty store: %v", err)
		}
	})
}

// refusal accepts an event of one namespace, and returns why the store refused it.
func refusal(t *testing.T, e *Engine, a queue.Acceptance) error {
	t.Helper()
	r, err := e.Accept(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return r.Refused[a.Offers[0].Namespace]
}

func inNamespace(name string, a queue.Acceptance) queue.Acceptance {
	offer := &a.Offers[0]
	offer.Namespace = name
	for i := range offer.Targets {
		offer.Targets[i].Namespace = name
	}
	return a
}

// takeAny takes the next due delivery of either lane.
func takeAny(t *testing.T, e *Engine) queue.Delivery {
	t.Helper()
	for {
		for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
			d, ok, err := queuetest.Take(e, lane, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				return d
			}
		}
	}
}

// TestANamespaceStopsAtItsShare: one that is alone can fill nearly all of the store, and those that come
// after it still find room, each half of what is free.
func TestANamespaceStopsAtItsShare(t *testing.T) {
	for name, opt := range map[string]Options{
		"of bytes":  {MaxBytes: smallStoreBytes},
		"of memory": {MaxMemory: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := openOn(t, newMemoryLog(), opt)
				defer closeNow(t, e)
				var refused error
				builds := int64(0)
				for ; refused == nil; builds++ {
					refused = refusal(t, e, acceptance(builds, "#down"))
				}
				if !errors.Is(refused, queue.ErrShare) || e.Ready() != nil {
					t.Fatalf("refused with %v, ready: %v; want only the namespace refused", refused, e.Ready())
				}
				u, stats := e.Usage("team-a"), e.Stats()
				if !u.Full || u.Share < 0.97 {
					t.Errorf("it uses %.2f of its share, full: %v", u.Share, u.Full)
				}
				if most := max(float64(u.Bytes)/float64(stats.MaxBytes), float64(u.Memory)/float64(stats.MaxMemory)); most < 0.49 || most > 0.88 { // the rest is for outcomes, which small events need as much for
					t.Errorf("it uses %.3f of the store", most)
				}
				part := int64(10)
				for _, name := range []string{"team-b", "team-c", "team-d", "team-e"} { // each finds half the room of the last
					part *= 2
					for build := range builds / part {
						if err := refusal(t, e, inNamespace(name, acceptance(build, "#down"))); err != nil {
							t.Fatalf("event %d of %s was refused: %v", build, name, err)
						}
					}
				}
			})
		})
	}
}

// TestAServerThatRefusesEverythingStaysWithinTheLimit: each message of a store that is full of those that were
// never attempted becomes a dead letter, with a long reason.
func TestAServerThatRefusesEverythingStaysWithinTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1 << 20
		e := openOn(t, newMemoryLog(), Options{MaxMemory: most})
		defer closeNow(t, e)
		var rooms []string
		for i := range 50 {
			rooms = append(rooms, fmt.Sprint("#", i))
		}
		n := 0
		for build := int64(0); ; build++ {
			if refusal(t, e, acceptance(build, rooms...)) != nil {
				break
			}
			n += len(rooms)
		}
		full := e.Stats().Memory
		for range n {
			d := takeAny(t, e)
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Dead, At: time.Now(), Reason: strings.Repeat("r", 250)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := e.Stats().Memory; got < full || got > most {
			t.Errorf("the store takes %d bytes of memory, %d before, and the limit is %d", got, full, most)
		}
		if u := e.Usage("team-a"); !u.Full || u.Share < 0.7 {
			t.Errorf("usage %+v", u)
		}
	})
}

// retryNext fails the next attempt in either lane.
func retryNext(t *testing.T, e *Engine) {
	t.Helper()
	d := takeAny(t, e)
	o := queue.Outcome{Kind: queue.Retry, At: time.Now(), Due: time.Now().Add(time.Millisecond), Reason: "connection refused"}
	if err := e.Settle(t.Context(), d.ID, o); err != nil {
		t.Fatal(err)
	}
}

func TestDeadDeliveriesAreForgottenInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openOn(t, newMemoryLog(), Options{KeepDead: 24 * time.Hour})
		defer closeNow(t, e)
		acceptAndSettle(t, e, acceptance(1, "#a"), queue.Dead)
		time.Sleep(23 * time.Hour)
		if len(e.Deliveries(queue.Query{})) != 1 {
			t.Fatal("forgotten too early")
		}
		time.Sleep(2 * time.Hour)
		if len(e.Deliveries(queue.Query{})) != 0 {
			t.Fatal("kept for ever")
		}
	})
}

// TestDroppingManyDeliveriesIsDoneInPieces: each entry is held in memory with all that it ends.
func TestDroppingManyDeliveriesIsDoneInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openOn(t, newMemoryLog(), Options{KeepDead: 24 * time.Hour})
		defer closeNow(t, e)
		var rooms []string
		for i := range 500 {
			rooms = append(rooms, fmt.Sprint("#", i))
		}
		fill := func(from int64) {
			for build := range int64(24) {
				if err := refusal(t, e, acceptance(from+build, rooms...)); err != nil {
					t.Fatal(err)
				}
			}
		}
		most, ended := 0, 0
		e.OnEnd(func(queue.Summary) { ended++ })
		synctest.Wait() // the committer is idle
		watched := e.last
		fill(0)
		n, err := e.Drop(t.Context(), func(queue.Target) bool { return true }, "the route was deleted")
		if err != nil || n != 12_000 || ended != 12_000 || len(e.Deliveries(queue.Query{})) != 0 {
			t.Fatalf("dropped %d, %v; %d ended, %d are left", n, err, ended, len(e.Deliveries(queue.Query{})))
		}
		synctest.Wait()
		for seq := watched + 1; seq <= e.last; seq++ {
			data, err := e.log.Read(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			entries, err := journal.Split(data)
			if err != nil {
				t.Fatal(err)
			}
			for i := range entries {
				if d := entries[i].Drop; d != nil {
					most = max(most, len(d.IDs))
				}
			}
		}
		if most != dropPerEntry {
			t.Errorf("an entry ends %d deliveries, want %d", most, dropPerEntry)
		}

		fill(100) // these expire
		for range 12_000 {
			d := takeAny(t, e)
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Dead, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(25 * time.Hour)
		if left := len(e.Deliveries(queue.Query{})); left != 0 || ended != 24_000 {
			t.Errorf("%d dead letters are left, %d deliveries have ended", left, ended)
		}
	})
}

func TestAnEventIsForgottenAfterTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openOn(t, newMemoryLog(), Options{Remember: time.Hour})
		defer closeNow(t, e)
		acceptAndSettle(t, e, acceptance(1, "#a"), queue.Delivered)
		time.Sleep(time.Hour)
		if r, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil || len(r.Stored) != 1 {
			t.Fatalf("%v, %v; want it stored again", r, err)
		}
	})
}

// TestAnEventIsFoundWhereItWasCarried hands out a delivery whose event moves in the log
// between the choice of the delivery and the reading of its event.
func TestAnEventIsFoundWhereItWasCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		e.events = newCache[journal.Position, *travis.Event](0)
		if _, err := e.Accept(t.Context(), acceptance(1, "#slow")); err != nil {
			t.Fatal(err)
		}
		lease, _, err := e.next(queue.Healthy)
		if err != nil || lease == nil {
			t.Fatalf("%v, %v; want a lease", lease, err)
		}
		deliverMany(t, e, 100, 2000)
		if _, err := l.Read(t.Context(), lease.Event.Seq); !errors.Is(err, wal.ErrGone) {
			t.Fatalf("the event's first message is still there: %v", err)
		}
		d, err := e.handOut(t.Context(), lease)
		if err != nil || d.Event.Build.ID != 1 {
			t.Fatalf("%+v, %v; want the event", d, err)
		}
	})
}

// TestTheLargestEventCanBeCarried stores an event of almost the maximum size.
func TestTheLargestEventCanBeCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openOn(t, newMemoryLog(), Options{MaxBytes: 16 << 20})
		defer closeNow(t, e)
		large := acceptance(1, "#slow")
		large.Event.Commit.Message = strings.Repeat("x", queue.MaxEntry-10_000)
		acceptAndSettle(t, e, large, queue.Dead)
		for build := int64(2); ; build++ { // until it has been carried
			next := acceptance(build, "#alive")
			next.Event.Commit.Message = strings.Repeat("y", 1<<19)
			acceptAndSettle(t, e, next, queue.Delivered)
			if x, err := e.log.Extent(t.Context()); err != nil || x.First > 1 {
				break
			}
		}
		e.mu.Lock()
		e.events = newCache[journal.Position, *travis.Event](0)
		e.mu.Unlock()
		if _, err := e.Redrive(t.Context(), queue.Query{}); err != nil {
			t.Fatal(err)
		}
		d := takeAny(t, e)
		if diff := cmp.Diff(large.Event, d.Event); diff != "" {
			t.Fatalf("event (-want +got):\n%s", diff)
		}
		large.Event.Build.ID, large.Event.Commit.Message = 1e9, strings.Repeat("x", queue.MaxEntry)
		if err := refusal(t, e, large); !errors.Is(err, queue.ErrTooLarge) {
			t.Fatalf("accept of more than that: %v", err)
		}
	})
}

func acceptAndSettle(t *testing.T, e *Engine, a queue.Acceptance, kind queue.Kind) {
	t.Helper()
	if err := refusal(t, e, a); err != nil {
		t.Fatal(err)
	}
	d, err := e.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: kind, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// heldPurge is a log that is slow to drop its beginning, once.
type heldPurge struct {
	*memoryLog
	once    sync.Once
	release chan struct{}
}

func (l *heldPurge) Purge(ctx context.Context, seq uint64) error {
	l.once.Do(func() { <-l.release })
	return l.memoryLog.Purge(ctx, seq)
}

// overtakenPurge is a log that another process purges, beyond the end of a pass that is under way here.
type overtakenPurge struct {
	*memoryLog
	began uint64 // the last message when the first pass began
	done  bool
}

func (l *overtakenPurge) Purge(ctx context.Context, seq uint64) error {
	if l.began == 0 {
		l.began = l.last()
	}
	if l.done || l.last() < l.began+2 {
		return l.memoryLog.Purge(ctx, seq)
	}
	l.done = true
	l.set(func(l *memoryLog) { l.add(nil) })
	return errors.Join(wal.ErrGone, l.memoryLog.Purge(ctx, l.last()))
}

// TestAPassThatAnotherProcessHasEndedLosesNothing: the log begins behind the end of the pass, and nothing of it is
// missing.
func TestAPassThatAnotherProcessHasEndedLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &overtakenPurge{memoryLog: newMemoryLog()}
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		deliverMany(t, e, 1, 5000)
		synctest.Wait()
		if !l.done {
			t.Fatal("no other process has purged the log: the test tests nothing")
		}
		if losses := e.Losses(); len(losses) > 0 {
			t.Errorf("reported as lost: %+v", losses)
		}
	})
}

// TestEventsAcceptedDuringAPassAreTrimmed: events fill the store before the pass has ended, and then no
// further events can trigger another pass.
func TestEventsAcceptedDuringAPassAreTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &heldPurge{memoryLog: newMemoryLog(), release: make(chan struct{})}
		e := openOn(t, l, Options{MaxBytes: minMaxBytes})
		defer closeNow(t, e)
		large := func(build int64) queue.Acceptance {
			a := acceptance(build, "#a")
			a.Event.Commit.Message = strings.Repeat("x", 10_000)
			return a
		}
		var under sync.WaitGroup
		for build := range int64(120) {
			under.Go(func() {
				if _, err := e.Accept(t.Context(), large(build)); err != nil {
					t.Error(err)
				}
			})
			if build < 20 { // the rest comes while these are dropped
				under.Go(func() { settleNext(t, e) })
				synctest.Wait()
			}
		}
		synctest.Wait()
		close(l.release)
		under.Wait()
		for range 100 {
			settleNext(t, e)
		}
		_ = e.Ready() // wakes the committer
		synctest.Wait()
		if err := e.Ready(); err != nil {
			t.Errorf("all has ended, and still: %v", err)
		}
	})
}

func settleNext(t *testing.T, e *Engine) {
	d, err := e.Take(t.Context(), queue.Healthy)
	if err == nil {
		err = e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()})
	}
	if err != nil {
		t.Error(err)
	}
}
