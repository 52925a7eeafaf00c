package cluster

import (
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/leaks"
)

func TestLeavingAnExternalStoreLeavesNothingOpen(t *testing.T) {
	c := sharedCluster(t)
	leaks.Check(t)
	opt := externalOptions(c, storeName(t.Name()))
	for build := range int64(2) {
		e, err := Open(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Accept(t.Context(), acceptance(build+1, "#a")); err != nil {
			t.Fatal(err)
		}
		d, err := e.Take(t.Context(), queue.Healthy)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		closeNow(t, e)
	}
}
