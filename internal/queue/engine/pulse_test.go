package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

func TestProbesDetectAFailedDisk(t *testing.T) {
	for name, breaks := range map[string]func(l *memoryLog, broken bool){
		"read-only": func(l *memoryLog, broken bool) {
			l.fault = nil
			if broken {
				l.fault = notStored
			}
		},
		"hanging": func(l *memoryLog, broken bool) { l.hangs = broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newMemoryLog()
				e := openOn(t, l, Options{})
				defer closeNow(t, e)
				l.set(func(l *memoryLog) { breaks(l, true) })
				time.Sleep(probeAfter + pulseInterval + defaultIOTimeout)
				if err := e.Ready(); !errors.Is(err, queue.ErrUnavailable) {
					t.Fatalf("ready: %v, want that the store is unavailable", err)
				}
				l.set(func(l *memoryLog) { breaks(l, false) })
				time.Sleep(defaultMaxReopenPause + defaultIOTimeout)
				if _, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil {
					t.Fatalf("the disk is back: %v", err)
				}
			})
		})
	}
}

// TestOnlyAQuietStoreIsProbed: a busy store is not probed, and an idle one is probed rarely.
func TestOnlyAQuietStoreIsProbed(t *testing.T) {
	for name, test := range map[string]struct {
		every       time.Duration // between events
		least, most int           // empty messages in an hour
	}{
		"quiet": {2 * time.Hour, 60, int(time.Hour / probeAfter)},
		"busy":  {probeAfter - time.Second, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newMemoryLog()
				e := openOn(t, l, Options{})
				defer closeNow(t, e)
				for began, build := time.Now(), int64(1); time.Since(began) < time.Hour; build++ {
					time.Sleep(min(test.every, time.Hour))
					if _, err := e.Accept(t.Context(), acceptance(build, "#a")); err != nil {
						t.Fatal(err)
					}
				}
				empty := 0
				l.set(func(l *memoryLog) {
					for _, m := range l.messages {
						if len(m) == 0 {
							empty++
						}
					}
				})
				if empty < test.least || empty > test.most {
					t.Errorf("%d empty messages in an hour, want %d to %d", empty, test.least, test.most)
				}
			})
		})
	}
}

// TestAQuietStoreDoesNotGrow: a start would have to read all of its empty messages.
func TestAQuietStoreDoesNotGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemoryLog()
		e := openOn(t, l, Options{})
		defer closeNow(t, e)
		if _, err := e.Accept(t.Context(), acceptance(1, "#a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep((2*manyMessages + 1) * (probeAfter + pulseInterval))
		l.set(func(l *memoryLog) {
			if n := len(l.messages); l.first < manyMessages || n > manyMessages+100 {
				t.Errorf("%d messages from %d on after months in which nothing came", n, l.first)
			}
		})
		if kept := e.Deliveries(queue.Query{}); len(kept) != 1 {
			t.Errorf("%d deliveries are kept, want the one", len(kept))
		}
	})
}
