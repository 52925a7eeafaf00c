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

// newInstallationOnDisk has its store on a file system of its own, and a channel that refuses messages.
func newInstallationOnDisk(t *testing.T) (*installation, *disk.Disk) {
	t.Helper()
	d := disk.New(t, diskBytes)
	s := newInstallation(t, victim.Store{Dir: filepath.Join(d.Dir, "store"), MaxBytes: 16 << 20})
	s.channel.Refuse(http.StatusServiceUnavailable)
	s.postStored(1, 20)
	return s, d
}

// reportsUnavailable checks what users see while the store cannot be written. The store retries from time
// to time, and a full disk may still have space for small writes.
func (s *installation) reportsUnavailable() {
	s.t.Helper()
	// An outcome that could not be stored may have made the operator unready before the first webhook.
	s.Expect(s.get("/metrics")).To(Or(
		ContainSubstring(`travishook_receiver_answers_total{code="503",reason="store_unavailable"}`),
		ContainSubstring(`travishook_receiver_answers_total{code="503",reason="not_ready"}`),
	))
	s.Eventually(s.ready).Should(ContainSubstring("store is unavailable"))
	s.Eventually(func() string {
		s.post(1e6)
		return s.get("/metrics")
	}).Should(ContainSubstring(`travishook_receiver_answers_total{code="503",reason="not_ready"}`))
}

func TestADiskThatIsFull(t *testing.T) {
	t.Parallel()
	s, d := newInstallationOnDisk(t)
	empty := d.Fill(t)
	refused := s.postUntilRefused(100)
	s.reportsUnavailable()
	empty()
	s.recovers(refused)
}

func TestADiskThatHangs(t *testing.T) {
	t.Parallel()
	s, d := newInstallationOnDisk(t)
	resume := d.Hang(t)
	refused := s.postUntilRefused(100)
	s.reportsUnavailable()
	resume()
	s.recovers(refused)
}

// TestADiskThatIsSlow: each write takes a second, and so do the answers. None is refused, and stored events
// are delivered meanwhile.
func TestADiskThatIsSlow(t *testing.T) {
	t.Parallel()
	s, d := newInstallationOnDisk(t)
	resume := d.Slow(t, time.Second)
	s.channel.Refuse(0)
	began := time.Now()
	for round := range int64(3) {
		s.postAllStored(100+100*round, 140+100*round)
		s.Expect(s.ready()).To(BeEmpty())
	}
	s.Eventually(s.delivered).Should(ContainElements(s.accepted))
	s.Expect(s.get("/metrics")).NotTo(ContainSubstring(`code="503"`))
	s.Expect(time.Since(began)).To(BeNumerically(">", time.Second), "the disk was slow at all")
	resume()
	s.postStored(1000, 1010)
	s.Eventually(s.delivered).Should(ContainElements(s.accepted))
	s.Expect(s.process.Stop()).To(Succeed())
}

// TestADiskThatIsReadOnly: a file system whose device fails stays read-only until it is mounted again, and
// that needs a restart. The store notices before a webhook has to be refused.
func TestADiskThatIsReadOnly(t *testing.T) {
	t.Parallel()
	s, d := newInstallationOnDisk(t)
	d.Break(t)
	s.Eventually(s.ready).Should(ContainSubstring("store is unavailable"))
	s.Expect(s.get("/metrics")).NotTo(ContainSubstring(`code="503"`))
	refused := s.postUntilRefused(100)
	s.Expect(s.get("/metrics")).To(ContainSubstring(`travishook_receiver_answers_total{code="503",reason="not_ready"}`))
	s.Expect(s.process.Kill()).To(Succeed())
	d.Repair(t)
	s.restart()
	s.recovers(refused)
}

func TestANamespaceAtItsShareOfTheStore(t *testing.T) {
	t.Parallel()
	s := newInstallation(t, victim.Store{Dir: t.TempDir(), MaxBytes: 1 << 20})
	s.channel.Refuse(http.StatusServiceUnavailable)
	refused := s.postUntilRefused(1)
	s.Expect(s.ready()).To(BeEmpty(), "there is room for others")
	s.Expect(s.post(refused)).To(Equal(http.StatusServiceUnavailable))
	s.channel.Refuse(0)
	s.recovers(refused)
}
