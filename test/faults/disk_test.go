package faults

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/powerloss/disk"
	"github.com/travishook/travishook/test/soak/victim"
)

const diskBytes = 48 << 20

// newDiskSite has its store on a disk of its own, and a room that takes nothing yet.
func newDiskSite(t *testing.T) (*site, *disk.Disk) {
	t.Helper()
	d := disk.New(t, diskBytes)
	s := newSite(t, victim.Store{Dir: filepath.Join(d.Dir, "store"), MaxBytes: 16 << 20})
	s.room.Refuse(http.StatusServiceUnavailable)
	s.promise(1, 20)
	return s, d
}

// saysUnavailable is what users see while the store cannot be written. Now and then it looks whether
// it can, and a full disk may have room for very little.
func (s *site) saysUnavailable() {
	s.t.Helper()
	s.Expect(s.get("/metrics")).To(ContainSubstring(`travishook_receiver_answers_total{code="503",reason="store_unavailable"}`))
	s.Eventually(s.ready).Should(ContainSubstring("store is unavailable"))
	s.Eventually(func() string {
		s.post(1e6)
		return s.get("/metrics")
	}).Should(ContainSubstring(`travishook_receiver_answers_total{code="503",reason="not_ready"}`))
}

func TestADiskThatIsFull(t *testing.T) {
	t.Parallel()
	s, d := newDiskSite(t)
	empty := d.Fill(t)
	refused := s.postUntilRefused(100)
	s.saysUnavailable()
	empty()
	s.healed(refused)
}

func TestADiskThatHangs(t *testing.T) {
	t.Parallel()
	s, d := newDiskSite(t)
	resume := d.Hang(t)
	refused := s.postUntilRefused(100)
	s.saysUnavailable()
	resume()
	s.healed(refused)
}

// TestADiskThatIsSlow: each write takes a second, and the answers take as long; none is refused, and
// what was stored goes out meanwhile.
func TestADiskThatIsSlow(t *testing.T) {
	t.Parallel()
	s, d := newDiskSite(t)
	resume := d.Slow(t, time.Second)
	s.room.Refuse(0)
	began := time.Now()
	for round := range int64(3) {
		s.promiseAtOnce(100+100*round, 140+100*round)
		s.Expect(s.ready()).To(BeEmpty())
	}
	s.Eventually(s.arrived).Should(ContainElements(s.promised))
	s.Expect(s.get("/metrics")).NotTo(ContainSubstring(`code="503"`))
	s.Expect(time.Since(began)).To(BeNumerically(">", time.Second), "the disk was slow at all")
	resume()
	s.promise(1000, 1010)
	s.Eventually(s.arrived).Should(ContainElements(s.promised))
	s.Expect(s.process.Stop()).To(Succeed())
}

// TestADiskThatIsReadOnly: a file system whose device fails lets nobody write until it is mounted
// again, and that needs a restart. It is found out without a webhook that had to be refused.
func TestADiskThatIsReadOnly(t *testing.T) {
	t.Parallel()
	s, d := newDiskSite(t)
	d.Break(t)
	s.Eventually(s.ready).Should(ContainSubstring("store is unavailable"))
	s.Expect(s.get("/metrics")).NotTo(ContainSubstring(`code="503"`))
	refused := s.postUntilRefused(100)
	s.Expect(s.get("/metrics")).To(ContainSubstring(`travishook_receiver_answers_total{code="503",reason="not_ready"}`))
	s.Expect(s.process.Kill()).To(Succeed())
	d.Repair(t)
	s.restart()
	s.healed(refused)
}

func TestAStoreAtItsLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, victim.Store{Dir: t.TempDir(), MaxBytes: 1 << 20})
	s.room.Refuse(http.StatusServiceUnavailable)
	refused := s.postUntilRefused(1)
	s.Expect(s.ready()).To(ContainSubstring("store is full"))
	s.Expect(s.post(refused)).To(Equal(http.StatusServiceUnavailable))
	s.room.Refuse(0)
	s.healed(refused)
}
