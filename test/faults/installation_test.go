// Package faults injects one fault at a time into the operator's environment, and checks what its users
// see: the operator stays up and reports the fault, loses nothing that it accepted, and recovers by itself.
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
	"github.com/travishook/travishook/test/chat"
	"github.com/travishook/travishook/test/soak/victim"
)

func TestMain(m *testing.M) {
	victim.RunIfAsked()
	os.Exit(m.Run())
}

// timeout bounds each wait. A store that does not answer is retried after half a minute.
const timeout = 2 * time.Minute

// teams is large enough that no channel gets more messages than its burst.
const teams = 40

// installation is a victim process with a store, and teams whose channels are on one HTTP server.
type installation struct {
	t *testing.T
	*WithT
	channel  *chat.Channel
	config   victim.Config
	process  *victim.Process
	url      string
	accepted []string // builds, by their number
}

// newInstallation starts one.
func newInstallation(t *testing.T, store victim.Store) *installation {
	t.Helper()
	s := &installation{t: t, WithT: NewWithT(t)}
	s.SetDefaultEventuallyTimeout(timeout)
	var err error
	s.channel, err = chat.Open()
	s.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(s.channel.Close)
	s.start(store, victim.Tenants{Teams: teams, ChannelsPerTeam: 1, URL: s.channel.URL})
	return s
}

// start starts a victim.
func (s *installation) start(store victim.Store, tenants victim.Tenants) {
	s.t.Helper()
	s.config = victim.Config{
		Engine: victim.Embedded, Store: store, Key: travistest.PEM(travistest.Key()), Tenants: tenants, RetryWithin: time.Second,
	}
	s.restart()
}

// restart starts a victim on the same store.
func (s *installation) restart() {
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
func (s *installation) post(build int64) int {
	s.t.Helper()
	status, err := s.send(build)
	s.Expect(err).NotTo(HaveOccurred())
	s.recordAnswer(build, status)
	return status
}

// send posts a webhook. It may be called from many goroutines.
func (s *installation) send(build int64) (status int, err error) {
	b := travistest.Build{ID: build, Number: strconv.FormatInt(build, 10), Finished: finished}
	team := int(build % teams)
	b.Repository, b.RepositoryID = s.config.Tenants.Repository(team), int64(team)+1
	answer, err := http.DefaultClient.Do(travistest.Request(s.t.Context(), s.url, b, travistest.Key()))
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// recordAnswer remembers the builds that were answered with 202.
func (s *installation) recordAnswer(build int64, status int) {
	if status == http.StatusAccepted {
		s.accepted = append(s.accepted, "build/"+strconv.FormatInt(build, 10)+":")
	}
}

// postAllStored posts builds concurrently, each of which must be stored.
func (s *installation) postAllStored(from, to int64) {
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
		s.recordAnswer(from+int64(i), status)
	}
}

// finished is when all builds ended, so that one that is posted again is the same.
var finished = time.Now().UTC().Truncate(time.Second)

// postStored posts builds, each of which must be stored.
func (s *installation) postStored(from, to int64) {
	s.t.Helper()
	for build := from; build < to; build++ {
		s.Expect(s.post(build)).To(Equal(http.StatusAccepted))
	}
}

// postUntilRefused returns the build that was answered 503.
func (s *installation) postUntilRefused(from int64) int64 {
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

// ready returns what the readiness probe reports; empty if it is ready.
func (s *installation) ready() string {
	s.t.Helper()
	return strings.TrimPrefix(s.get("/readyz"), "ok")
}

func (s *installation) get(path string) string {
	s.t.Helper()
	answer, err := http.Get(s.process.ProbesURL() + path)
	s.Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	s.Expect(err).NotTo(HaveOccurred())
	return string(text)
}

// delivered returns the builds that were delivered.
func (s *installation) delivered() []string { return builds(s.channel) }

// builds returns the builds that a channel received, each once.
func builds(r *chat.Channel) []string {
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

// recovers waits until the operator is ready, everything accepted is delivered, and a refused webhook is
// accepted when it is posted again.
func (s *installation) recovers(refused int64) {
	s.t.Helper()
	s.Eventually(s.ready).Should(BeEmpty())
	s.channel.Refuse(0)
	s.Eventually(s.delivered).Should(ContainElements(s.accepted))
	// A webhook that was answered 503 may or may not have been stored.
	s.Expect(s.post(refused)).To(Or(Equal(http.StatusAccepted), Equal(http.StatusNoContent)))
	s.Eventually(s.delivered).Should(ContainElements(s.accepted))
	s.Expect(s.process.Stop()).To(Succeed())
}
