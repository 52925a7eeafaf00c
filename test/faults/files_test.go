package faults

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/test/soak/victim"
)

// fileFaults are what somebody can do to the store's files while the operator runs.
var fileFaults = map[string]func(g *WithT, dir string){
	"all files are deleted": func(g *WithT, dir string) {
		entries, err := os.ReadDir(dir)
		g.Expect(err).NotTo(HaveOccurred())
		for _, e := range entries {
			g.Expect(os.RemoveAll(filepath.Join(dir, e.Name()))).To(Succeed())
		}
	},
	"the server's directory is deleted": func(g *WithT, dir string) {
		g.Expect(os.RemoveAll(filepath.Join(dir, "standalone"))).To(Succeed())
	},
	"the server's directory is renamed": func(g *WithT, dir string) {
		g.Expect(os.Rename(filepath.Join(dir, "standalone"), filepath.Join(dir, "renamed"))).To(Succeed())
	},
	"the newest block is deleted": func(g *WithT, dir string) {
		g.Expect(os.Remove(filepath.Join(dir, newestBlock))).To(Succeed())
	},
	"the server's directory is replaced by a copy": func(g *WithT, dir string) {
		server := filepath.Join(dir, "standalone")
		g.Expect(os.CopyFS(server+".copy", os.DirFS(server))).To(Succeed())
		g.Expect(os.RemoveAll(server)).To(Succeed())
		g.Expect(os.Rename(server+".copy", server)).To(Succeed())
	},
}

// newestBlock is the journal's only file.
const newestBlock = "standalone/jetstream/$G/streams/TRAVISHOOK_JOURNAL/msgs/1.blk"

// TestStoreFilesThatAreChangedWhileTheOperatorRuns: the operator goes on by itself. What it answers with 202 afterwards
// is in files that the next start finds.
func TestStoreFilesThatAreChangedWhileTheOperatorRuns(t *testing.T) {
	for name, change := range fileFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := newInstallationWithFiles(t)
			s.whileStopped(func() { change(s.WithT, dir) })
			s.accepted = nil
			for build := int64(100); build < 120; build++ {
				s.post(build)
			}
			s.Eventually(s.ready).Should(BeEmpty())
			s.postStored(200, 210)
			s.Expect(s.process.Kill()).To(Succeed())
			s.restart()
			s.channel.Refuse(0)
			s.Eventually(s.delivered).Should(ContainElements(s.accepted))
			s.Expect(s.process.Stop()).To(Succeed())
		})
	}
}

// TestWhatWasInDeletedFilesIsDelivered by the process that stored it, because it has the newest events in memory.
func TestWhatWasInDeletedFilesIsDelivered(t *testing.T) {
	t.Parallel()
	s, dir := newInstallationWithFiles(t)
	s.whileStopped(func() { fileFaults["all files are deleted"](s.WithT, dir) })
	s.post(100)
	s.recovers(100)
}

// TestADirectoryThatIsReplacedWhileTheOperatorRuns: nothing is stored in another directory, which may be that of a
// volume that was unmounted. The operator goes on when the right one is back.
func TestADirectoryThatIsReplacedWhileTheOperatorRuns(t *testing.T) {
	t.Parallel()
	s, dir := newInstallationWithFiles(t)
	away := dir + ".away"
	s.Expect(os.Rename(dir, away)).To(Succeed())
	s.Expect(os.Mkdir(dir, 0o700)).To(Succeed())
	refused := s.postUntilRefused(100)
	s.Eventually(s.ready).Should(ContainSubstring("put it back, or restart the operator to use the one that is there"))
	s.Expect(os.ReadDir(dir)).To(BeEmpty())
	s.Expect(os.Remove(dir)).To(Succeed())
	s.Expect(os.Rename(away, dir)).To(Succeed())
	s.recovers(refused)
}

// newInstallationWithFiles returns one that has stored webhooks in a directory and cannot deliver them.
func newInstallationWithFiles(t *testing.T) (s *installation, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	s = newInstallation(t, victim.Store{Dir: dir, MaxBytes: 16 << 20})
	s.channel.Refuse(http.StatusServiceUnavailable)
	s.postStored(1, 6)
	return s, dir
}

// whileStopped stops the process until change has returned, so that it sees the change as a whole.
func (s *installation) whileStopped(change func()) {
	s.t.Helper()
	s.Expect(syscall.Kill(s.process.Pid(), syscall.SIGSTOP)).To(Succeed())
	defer func() { s.Expect(syscall.Kill(s.process.Pid(), syscall.SIGCONT)).To(Succeed()) }()
	change()
}
