package cluster

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/test/nats"
)

// guarded is the cluster of the tests whose store needs a certificate and a user.
var guarded struct {
	sync.Once
	cluster *nats.Cluster
	guard   *nats.Guard
	folder  string
	err     error
}

func guardedCluster(t testing.TB) (*nats.Cluster, *nats.Guard) {
	t.Helper()
	nats.Need(t)
	guarded.Do(func() {
		guarded.folder, guarded.err = os.MkdirTemp("", "nats-*") //nolint:usetesting // it outlives t
		if guarded.err == nil {
			guarded.cluster, guarded.guard, guarded.err = startGuarded(guarded.folder)
		}
	})
	if guarded.err != nil {
		t.Fatal(guarded.err)
	}
	return guarded.cluster, guarded.guard
}

func startGuarded(folder string) (*nats.Cluster, *nats.Guard, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may have to be compiled
	defer cancel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		return nil, nil, err
	}
	binary, err := nats.Binary(ctx, root)
	if err != nil {
		return nil, nil, err
	}
	return nats.StartGuarded(ctx, binary, folder, 3)
}

// guardedOptions are for a store of its own, whose user is allowed what is needed, but for that.
func guardedOptions(t *testing.T, but ...string) Options {
	t.Helper()
	c, g := guardedCluster(t)
	opt := externalOptions(c, storeName(t.Name()+t.TempDir()))
	opt.External.CAFile = g.CA
	opt.External.CertFile, opt.External.KeyFile = g.Client()
	opt.External.CredentialsFile = filepath.Join(t.TempDir(), "user.creds")
	allow(t, &opt, time.Time{}, but...)
	return opt
}

// allow writes credentials of a user who is allowed what the store needs, but for that.
func allow(t *testing.T, opt *Options, until time.Time, but ...string) {
	t.Helper()
	_, g := guardedCluster(t)
	publish, subscribe := opt.names().permissions()
	without := func(all []string) []string {
		return slices.DeleteFunc(all, func(p string) bool { return slices.Contains(but, p) })
	}
	publish, subscribe = without(publish), without(subscribe)
	if len(subscribe) == 0 {
		subscribe = []string{"nothing"} // no entry would allow everything
	}
	if err := g.AddUser(opt.External.CredentialsFile, nats.Roomy, publish, subscribe, until); err != nil {
		t.Fatal(err)
	}
}

// logLines keeps what a store logs.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (e *logLines) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.lines = append(e.lines, args)
	}, funcr.Options{Verbosity: 1})
}

// count counts the lines that contain what.
func (e *logLines) count(what string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range e.lines {
		if strings.Contains(line, what) {
			n++
		}
	}
	return n
}

// await waits until so many lines contain what.
func (e *logLines) await(t *testing.T, n int, what string) {
	t.Helper()
	eventually(t, what, func() bool { return e.count(what) >= n })
}

const refused = "the cluster refuses what the store needs"

// TestGuardedPermissionsAreEnough lives the life of a store whose user may do what the page lists.
func TestGuardedPermissionsAreEnough(t *testing.T) {
	opt := guardedOptions(t)
	var all logLines
	opt.Logger = all.logger()
	a := openOptions(t, opt)
	b := openOptions(t, opt)
	for build := range int64(20) {
		if _, err := a.Accept(t.Context(), acceptance(build+1, "#a")); err != nil {
			t.Fatal(err)
		}
	}
	settleOne(t, a, b)
	askOne(t, a, b)
	x, err := a.log.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	count := func(uint64, []byte) error { read++; return nil }
	if err := a.log.(*natsLog).Stream.Replay(t.Context(), x.First, x.Last, replayStall, count); err != nil {
		t.Fatal(err)
	}
	if read == 0 {
		t.Error("the journal was not read")
	}
	if err := b.log.Purge(t.Context(), x.First+1); err != nil {
		t.Fatal(err)
	}
	closeNow(t, a)
	opt.MaxBytes *= 2 // which changes the stream
	a = openOptions(t, opt)
	closeNow(t, a)
	closeNow(t, b)
	n := b.log.(*natsLog).names // what is there need not be made
	allow(t, &opt, time.Time{}, "$JS.API.INFO", "$JS.API.STREAM.CREATE."+n.stream, "$JS.API.STREAM.CREATE.KV_"+n.leases,
		"$JS.API.STREAM.UPDATE."+n.stream, "$JS.API.STREAM.UPDATE.KV_"+n.leases)
	closeNow(t, openOptions(t, opt))
	if all.count(refused) > 0 {
		t.Errorf("something was refused: %s", strings.Join(all.lines, "\n"))
	}
}

// settleOne sends one delivery by whichever replica has one.
func settleOne(t *testing.T, replicas ...*Replica) {
	t.Helper()
	eventually(t, "a delivery is settled", func() bool {
		for _, e := range replicas {
			d, ok, err := queuetest.Take(e, queue.Healthy, 100*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			if err := e.Settle(t.Context(), d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
			return true
		}
		return false
	})
}

// askOne has one replica ask the other.
func askOne(t *testing.T, asks, answers *Replica) {
	t.Helper()
	answers.Handle("echo", func(_ context.Context, payload []byte) ([]byte, error) { return payload, nil })
	eventually(t, "a request is answered", func() bool {
		answer, err := asks.Ask(t.Context(), answers.member.name, "echo", []byte("ping"))
		return err == nil && string(answer) == "ping"
	})
}

// patience is far more than anything takes on a quiet machine.
const patience = 4 * time.Minute

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	late := time.After(patience)
	for !is() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("%s: still not so after %s", what, patience)
		}
	}
}

func openOptions(t *testing.T, opt Options) *Replica {
	t.Helper()
	e, err := Open(t.Context(), opt)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return e
}

func TestGuardedMissingPermissionEndsTheStart(t *testing.T) {
	n := (&External{Name: "n"}).names()
	publish, subscribe := n.permissions()
	later := []string{ // what a first start does not do
		"$JS.API.STREAM.UPDATE.", "$JS.API.CONSUMER.INFO.", "$JS.API.CONSUMER.DELETE.", "n.ask.",
		"$JS.API.CONSUMER.MSG.NEXT.N_JOURNAL", "$JS.API.CONSUMER.CREATE.N_JOURNAL", // the tail's, which logs it
	}
	wanted := slices.Sorted(slices.Values(append(publish, subscribe...)))
	for _, lacks := range slices.Compact(wanted) {
		if slices.ContainsFunc(later, func(prefix string) bool { return strings.HasPrefix(lacks, prefix) }) {
			continue
		}
		// A path with a $ in it would not be taken as it is.
		t.Run(strings.ReplaceAll(lacks, "$", ""), func(t *testing.T) {
			t.Parallel()
			opt := guardedOptions(t)
			if err := opt.complete(); err != nil {
				t.Fatal(err)
			}
			own := strings.NewReplacer("N_", strings.ToUpper(opt.External.Name)+"_", "n.", opt.External.Name+".")
			subject := own.Replace(lacks)
			allow(t, &opt, time.Time{}, subject)
			e, err := Open(t.Context(), opt)
			if err == nil {
				closeNow(t, e)
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), "to "+subject+": allow that") {
				t.Errorf("%v; want it to name %s", err, subject)
			}
		})
	}
}
