package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/test/powerloss/disk"
)

// TestAVolumeThatIsFullAtTheStart: a store whose volume is full when it is opened, damaged or not, either
// opens, or reports that the volume is full and changes nothing. Once there is space it opens, and everything
// that can be read is there.
func TestAVolumeThatIsFullAtTheStart(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(block []byte)
		lost   int
	}{
		"intact":  {func([]byte) {}, 0},
		"damaged": {func(block []byte) { block[len(block)/2] ^= 1 }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			d := disk.New(t, diskBytes)
			dir := filepath.Join(d.Dir, "store")
			open := func() (*engine.Engine, error) {
				return embedded.OpenStore(t.Context(), dir, engine.Options{MaxBytes: 16 << 20})
			}
			store, err := open()
			g.Expect(err).NotTo(HaveOccurred())
			const events = 20
			for build := range int64(events) {
				g.Expect(acceptAt(t.Context(), store, build+1)).To(Succeed())
			}
			g.Expect(store.Close(t.Context())).To(Succeed())
			block := filepath.Join(dir, "standalone", "jetstream", "$G", "streams", "TRAVISHOOK_JOURNAL", "msgs", "1.blk")
			data, err := os.ReadFile(block)
			g.Expect(err).NotTo(HaveOccurred())
			test.damage(data)
			g.Expect(os.WriteFile(block, data, 0o600)).To(Succeed())

			empty := d.Fill(t)
			if store, err = open(); err != nil {
				g.Expect(errors.Is(err, syscall.ENOSPC)).To(BeTrue(), "it says that the volume is full: %v", err)
				now, err := os.ReadFile(block)
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(now).To(Equal(data), "the damaged file is as it was")
				empty()
				store, err = open()
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				empty()
			}
			g.Eventually(store.Ready).WithTimeout(timeout).Should(Succeed())
			g.Expect(store.Deliveries(queue.Query{})).To(HaveLen(events - test.lost))
			g.Expect(acceptAt(t.Context(), store, 1000)).To(Succeed())
			g.Expect(store.Close(context.Background())).To(Succeed())
		})
	}
}

func acceptAt(ctx context.Context, store *engine.Engine, build int64) error {
	room := fmt.Sprintf("#%d", build)
	_, err := store.Accept(ctx, queue.Acceptance{
		Event: travis.Event{
			Repository: travis.Repository{ID: 1, Owner: "team", Name: "project"},
			Build:      travis.Build{ID: build, Result: travis.Passed, Finished: time.Now()},
		},
		Received: time.Now(),
		Offers: []queue.Offer{{Namespace: "team", Targets: []queue.Target{
			{Namespace: "team", Route: "route", RouteUID: "1", Account: "chat", Address: room, Channel: room},
		}}},
	})
	return err
}
