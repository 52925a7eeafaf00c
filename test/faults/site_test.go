// Package faults breaks what the operator stands on, one thing after the other, and looks at what its
// users see: that it stays up and says what is wrong, that nothing it promised is lost, and that
// it goes on by itself once the fault is gone.
package faults

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/room"
	"github.com/travishook/travishook/test/soak/victim"
)

func TestMain(m *testing.M) {
	victim.RunIfAsked()
	os.Exit(m.Run())
}

// patience bounds each wait. A store that does not answer is asked again after half a minute.
const patience = 2 * time.Minute

// teams are so many that no room gets more than it takes at once.
const teams = 40

// site is a victim with a store, and teams whose rooms are all the same.
type site struct {
	t *testing.T
	*WithT
	room     *room.Room
	config   victim.Config
	process  *victim.Process
	url      string
	promised []string // builds, by their number
}

// newSite starts a victim.
func newSite(t *testing.T, store victim.Store) *site {
	t.Helper()
	s := &site{t: t, WithT: NewWithT(t)}
	s.SetDefaultEventuallyTimeout(patience)
	var err error
	s.room, err = room.Open()
	s.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(s.room.Close)
	s.start(store, victim.Town{Teams: teams, RoomsPerTeam: 1, URL: s.room.URL})
	return s
}

// start starts a victim.
func (s *site) start(store victim.Store, town victim.Town) {
	s.t.Helper()
	s.config = victim.Config{
		Engine: victim.Embedded, Store: store, Key: travistest.PEM(travistest.Key()), Town: town, RetryWithin: time.Second,
	}
	s.restart()
}

// restart starts a victim on the same store.
func (s *site) restart() {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.t.TempDir(), "victim.log"))
	s.Expect(err).NotTo(HaveOccurred())
	p, err := victim.Start(s.config, log, nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.process = p
	s.t.Cleanup(func() {
		select {
		case <-p.Ended():
		default:
			s.Expect(p.Kill()).To(Succeed())
		}
		s.Expect(log.Close()).To(Succeed())
		if text, err := os.ReadFile(log.Name()); err == nil && s.t.Failed() {
			s.t.Logf("the victim's log:\n%s", text)
		}
	})
	s.url, err = p.URL(s.t.Context())
	s.Expect(err).NotTo(HaveOccurred())
}

// post posts a webhook once, as Travis does, and returns the status of the answer.
func (s *site) post(build int64) int {
	s.t.Helper()
	status, err := s.send(build)
	s.Expect(err).NotTo(HaveOccurred())
	s.answered(build, status)
	return status
}

// send posts a webhook. It may be called from many goroutines.
func (s *site) send(build int64) (status int, err error) {
	b := travistest.Build{ID: build, Number: strconv.FormatInt(build, 10), Finished: finished}
	team := int(build % teams)
	b.Repository, b.RepositoryID = s.config.Town.Repository(team), int64(team)+1
	answer, err := http.DefaultClient.Do(travistest.Request(s.t.Context(), s.url, b, travistest.Key()))
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// answered notes what an answer promises.
func (s *site) answered(build int64, status int) {
	if status == http.StatusAccepted {
		s.promised = append(s.promised, "build/"+strconv.FormatInt(build, 10)+":")
	}
}

// promiseAtOnce posts builds that must be stored, all at the same time.
func (s *site) promiseAtOnce(from, to int64) {
	s.t.Helper()
	statuses, errs := make([]int, to-from), make([]error, to-from)
	var posts sync.WaitGroup
	for i := range to - from {
		posts.Go(func() { statuses[i], errs[i] = s.send(from + i) })
	}
	posts.Wait()
	for i, status := range statuses {
		s.Expect(errs[i]).NotTo(HaveOccurred())
		s.Expect(status).To(Equal(http.StatusAccepted))
		s.answered(from+int64(i), status)
	}
}

// finished is when all builds ended, so that one that is posted again is the same.
var finished = time.Now().UTC().Truncate(time.Second)

// promise posts builds that must be stored.
func (s *site) promise(from, to int64) {
	s.t.Helper()
	for build := from; build < to; build++ {
		s.Expect(s.post(build)).To(Equal(http.StatusAccepted))
	}
}

// postUntilRefused returns the build that was answered 503.
func (s *site) postUntilRefused(from int64) int64 {
	s.t.Helper()
	for build := from; build < from+5000; build++ {
		status := s.post(build)
		if status == http.StatusServiceUnavailable {
			return build
		}
		s.Expect(status).To(Equal(http.StatusAccepted))
	}
	s.t.Fatal("all was stored")
	return 0
}

// ready is nothing, or what the probe says.
func (s *site) ready() string {
	s.t.Helper()
	return s.get("/readyz")
}

func (s *site) get(path string) string {
	s.t.Helper()
	answer, err := http.Get(s.process.ProbesURL() + path)
	s.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	s.Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// arrived are the builds that the room was told of.
func (s *site) arrived() []string { return builds(s.room) }

// builds that a room was told of, each once.
func builds(r *room.Room) []string {
	seen := map[string]bool{}
	var builds []string
	for _, m := range r.Messages() {
		_, rest, _ := strings.Cut(m.Text, "] build/")
		number, _, _ := strings.Cut(rest, ":")
		if build := "build/" + number + ":"; !seen[build] {
			seen[build] = true
			builds = append(builds, build)
		}
	}
	return builds
}

// healed waits until the site is as good as new: ready, what was promised delivered, and what was
// refused taken when it is posted again.
func (s *site) healed(refused int64) {
	s.t.Helper()
	s.Eventually(s.ready).Should(BeEmpty())
	s.room.Refuse(0)
	s.Eventually(s.arrived).Should(ContainElements(s.promised))
	// Of what was answered 503, nobody can say whether it was stored.
	s.Expect(s.post(refused)).To(Or(Equal(http.StatusAccepted), Equal(http.StatusNoContent)))
	s.Eventually(s.arrived).Should(ContainElements(s.promised))
	s.Expect(s.process.Stop()).To(Succeed())
}
