package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/wal"
)

// thoughtfulLog takes a while to say how large it is.
type thoughtfulLog struct{ *memoryLog }

func (l *thoughtfulLog) Extent(ctx context.Context) (wal.Extent, error) {
	time.Sleep(time.Millisecond)
	return l.memoryLog.Extent(ctx)
}

// TestWhatOthersReadIsGuarded reads all that status and metrics show while the committer trims the log of several
// processes. It is for the race detector.
func TestWhatOthersReadIsGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &thoughtfulLog{newMemoryLog()}
		l.updates = make(chan wal.Message)
		e := openOn(t, l, Options{MaxBytes: smallStoreBytes})
		defer closeNow(t, e)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				_, _, _, _ = e.HighWater(), e.Losses(), e.Stats(), e.Ready()
				_, _, _ = e.Counts(), e.Usages(), e.Usage("team-a")
				_, _ = e.Deliveries(queue.Query{}), e.Channels("team-a", "builds")
				time.Sleep(300 * time.Microsecond)
			}
		}()
		deliverMany(t, e, 1, 2500)
		stop()
		<-ended
		if first := e.HighWater().First; first < 2 {
			t.Errorf("the log begins at message %d: it was not trimmed", first)
		}
	})
}
