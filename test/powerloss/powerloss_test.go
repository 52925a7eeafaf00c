// Package powerloss simulates a power loss: the store is on a file system in a disk image, the image is
// copied under load, and the copy is mounted. It does not contain unsynced writes.
package powerloss

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/powerloss/disk"
	"github.com/travishook/travishook/test/soak/victim"
)

func TestMain(m *testing.M) {
	victim.RunIfAsked()
	os.Exit(m.Run())
}

const (
	rounds    = 3
	diskBytes = 128 << 20
)

// TestNothingIsLost cuts the power at random moments. No accepted webhook is lost, and the store reports no
// loss: its high-water mark is never newer than the journal.
func TestNothingIsLost(t *testing.T) {
	for range rounds {
		answered, lost := cutPower(t, victim.Embedded)
		t.Logf("%d webhooks were answered 202 before the power loss, and %d of them are lost", answered, lost)
		if lost > 0 {
			t.Errorf("%d of %d are lost", lost, answered)
		}
	}
}

// TestALateSyncIsDetected shows that the test above can fail.
func TestALateSyncIsDetected(t *testing.T) {
	answered, lost := cutPower(t, victim.SyncLater)
	t.Logf("%d webhooks were answered 202 before the power loss, and %d of them are lost", answered, lost)
	if lost == 0 {
		t.Error("nothing is lost with the server's default sync")
	}
}

// cutPower returns how many webhooks were answered 202 before the power loss, and how many of them are
// not in the store on the copied disk.
func cutPower(t *testing.T, engine string) (answered, lost int) {
	t.Helper()
	before := disk.New(t, diskBytes)
	accepted, image := underLoad(t, engine, before)
	kept := open(t, engine, disk.Mount(t, image))
	for _, build := range accepted {
		if !kept[build] {
			lost++
		}
	}
	return len(accepted), lost
}

// underLoad posts webhooks until the power loss. It returns the builds that were answered 202 by then, and
// a copy of the disk.
func underLoad(t *testing.T, engine string, d *disk.Disk) (accepted []int64, image string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "victim.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	p, err := victim.Start(victim.Config{
		Engine: engine, Store: storeOn(d), Key: travistest.PEM(travistest.Key()),
		Tenants: victim.Tenants{Teams: 1, ChannelsPerTeam: 1, URL: "http://127.0.0.1:1"}, // nothing listens there, so everything stays in the store
	}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	}()
	url, err := p.URL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	load := newLoad(t.Context(), url)
	defer load.stop()
	load.await(t, 200+rand.IntN(800))
	accepted = load.answered()
	if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	return accepted, d.Copy(t)
}

func storeOn(d *disk.Disk) victim.Store {
	return victim.Store{Dir: filepath.Join(d.Dir, "store"), MaxBytes: diskBytes / 2}
}

// open returns which builds the store has.
func open(t *testing.T, engine string, d *disk.Disk) map[int64]bool {
	t.Helper()
	store, err := victim.Open(t.Context(), engine, storeOn(d), logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := store.(interface{ Losses() []queue.Loss }); ok && engine == victim.Embedded {
		if losses := s.Losses(); len(losses) > 0 {
			t.Errorf("losses are reported: %+v", losses)
		}
	}
	kept := map[int64]bool{}
	for _, s := range store.Deliveries(queue.Query{}) {
		kept[s.BuildID] = true
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return kept
}

// load posts webhooks, each of a build of its own, from several connections.
type load struct {
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	builds int64
	stored []int64
	enough chan struct{} // closed when wanted are stored
	wanted int
}

func newLoad(ctx context.Context, url string) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, enough: make(chan struct{})}
	for range 16 {
		l.running.Go(func() { l.post(ctx, url) })
	}
	return l
}

func (l *load) post(ctx context.Context, url string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		l.mu.Lock()
		l.builds++
		id := l.builds
		l.mu.Unlock()
		b := travistest.Build{
			ID: id, Number: strconv.FormatInt(id, 10), Repository: victim.Tenants{}.Repository(0), Finished: time.Now(),
		}
		answer, err := client.Do(travistest.Request(ctx, url, b, travistest.Key()))
		if err != nil {
			return
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusAccepted {
			l.note(id)
		}
	}
}

func (l *load) note(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = append(l.stored, id)
	if len(l.stored) == l.wanted {
		close(l.enough)
	}
}

// await waits until n more were answered 202.
func (l *load) await(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	l.wanted = len(l.stored) + n
	l.mu.Unlock()
	select {
	case <-l.enough:
	case <-time.After(2 * time.Minute):
		t.Fatalf("of %d webhooks only %d were answered 202", n, len(l.answered()))
	}
}

func (l *load) answered() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]int64(nil), l.stored...)
}

func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}
