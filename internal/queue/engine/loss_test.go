package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/travis"
)

// storeWith accepts events, each in a message of its own, and returns the number of each one's message.
func storeWith(t *testing.T, e *Engine, events int64) (messages []uint64) {
	t.Helper()
	for build := range events {
		if _, err := e.Accept(t.Context(), acceptance(build+1, "#down")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		messages = append(messages, e.HighWater().Last)
	}
	return messages
}

// TestMissingMessagesAreReportedOnce: a restart continues without them, and the next restart reports the
// same loss.
func TestMissingMessagesAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		synctest.Wait()
		messages := storeWith(t, e, 5)
		closeNow(t, e)
		l.set(func(l *memoryLog) { l.lost = map[uint64]bool{messages[1]: true, messages[2]: true} })
		for range 3 {
			e = openOn(t, l, Options{})
			synctest.Wait()
			if kept := e.Deliveries(queue.Query{}); len(kept) != 3 {
				t.Errorf("%d deliveries, want the three that can be read", len(kept))
			}
			losses := e.Losses()
			if len(losses) != 1 || losses[0].Messages != 2 || len(losses[0].Gaps) != 1 {
				t.Errorf("losses %+v, want one of two messages", losses)
			}
			closeNow(t, e)
		}
	})
}

// TestAnEntryThatDoesNotDecode: the other entries of its message are not affected.
func TestAnEntryThatDoesNotDecode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		storeWith(t, e, 1)
		closeNow(t, e)
		l.set(func(l *memoryLog) {
			last := len(l.messages) - 1
			l.messages[last] = append([]byte("{nonsense\n"), l.messages[last]...)
		})
		e = openOn(t, l, Options{})
		defer closeNow(t, e)
		if kept := e.Deliveries(queue.Query{}); len(kept) != 1 {
			t.Errorf("%d deliveries, want the one that can be read", len(kept))
		}
		if losses := e.Losses(); len(losses) != 1 || losses[0].Entries != 1 {
			t.Errorf("losses %+v, want one of one entry", losses)
		}
		if d, err := e.Take(t.Context(), queue.Healthy); err != nil || d.Event.Build.ID != 1 {
			t.Errorf("%+v, %v; want the event", d, err)
		}
	})
}

// TestAMessageThatIsLostWhileTheStoreIsOpen: the loss ends the deliveries of its event, delays no other, and
// is reported.
func TestAMessageThatIsLostWhileTheStoreIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		synctest.Wait()
		e.events = newCache[journal.Position, *travis.Event](0)
		e.messages = newCache[uint64, []byte](0)
		var ended []string
		e.OnEnd(func(s queue.Summary) { ended = append(ended, s.Last.Reason) })
		messages := storeWith(t, e, 2)
		l.set(func(l *memoryLog) { l.lost = map[uint64]bool{messages[0]: true} })
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil || d.Event.Build.ID != 2 {
			t.Fatalf("%+v, %v; want the event that can be read", d, err)
		}
		if len(ended) != 1 || !strings.Contains(ended[0], "lost the event") {
			t.Errorf("ended with %q, want that the store lost the event", ended)
		}
		if losses := e.Losses(); len(losses) != 1 || losses[0].Messages != 1 {
			t.Errorf("losses %+v, want one of one message", losses)
		}
	})
}

// TestADamagedBeginningIsTrimmed: messages at the journal's beginning that cannot be read neither stop
// trimming nor have the log reopened.
func TestWhatAnotherProcessPurgedIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		synctest.Wait()
		deliverMany(t, e, 1, 200)
		const purged = 50
		l.set(func(l *memoryLog) {
			l.first, l.messages = l.first+purged, l.messages[purged:]
		})
		deliverMany(t, e, 1000, 5000) // several times the limit
		time.Sleep(time.Minute)
		if losses := e.Losses(); len(losses) > 0 {
			t.Errorf("reported to be lost: %+v", losses)
		}
		if err := e.Ready(); err != nil {
			t.Error(err)
		}
	})
}

func TestADamagedBeginningIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		synctest.Wait()
		deliverMany(t, e, 1, 200)
		const lost = 50
		var end uint64
		l.set(func(l *memoryLog) {
			l.lost, end = map[uint64]bool{}, l.first+lost
			for seq := l.first; seq < end; seq++ {
				l.lost[seq] = true
			}
		})
		deliverMany(t, e, 1000, 5000) // several times the limit
		time.Sleep(time.Minute)
		if l.first < end || l.reopens > 0 {
			t.Errorf("the log begins at message %d and was reopened %d times", l.first, l.reopens)
		}
		if err := e.Ready(); err != nil {
			t.Error(err)
		}
		var messages uint64
		for _, loss := range e.Losses() {
			messages += loss.Messages
		}
		if messages != lost {
			t.Errorf("%d messages are reported to be lost, want %d: %+v", messages, lost, e.Losses())
		}
	})
}
