package jetstream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/queue"
)

func openDir(t *testing.T, dir string) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Dir: dir, MaxBytes: smallStoreBytes})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, dir string) Options
		want    string
	}{
		"a directory that another has open": {
			func(t *testing.T, dir string) Options {
				e := openDir(t, dir)
				t.Cleanup(func() { closeNow(t, e) })
				return Options{Dir: dir}
			}, "another process has the store open",
		},
		"a cluster's directory": {
			func(t *testing.T, dir string) Options {
				write(t, filepath.Join(dir, "topology"), "cluster\n")
				return Options{Dir: dir}
			}, `runs as "cluster"`,
		},
		"a file": {
			func(t *testing.T, dir string) Options {
				write(t, filepath.Join(dir, "file"), "")
				return Options{Dir: filepath.Join(dir, "file")}
			}, "make directory",
		},
		"a store that is no directory": {
			func(t *testing.T, dir string) Options {
				write(t, filepath.Join(dir, "standalone"), "")
				return Options{Dir: dir}
			}, "does not start",
		},
		"no directory": {
			func(*testing.T, string) Options { return Options{} }, "needs a directory",
		},
		"a limit that is too small": {
			func(_ *testing.T, dir string) Options { return Options{Dir: dir, MaxBytes: 5} }, "at least",
		},
		"a stream with other settings": {
			func(t *testing.T, dir string) Options {
				changeStream(t, dir)
				return Options{Dir: dir}
			}, "max_age set to 1h0m0s",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opt := test.prepare(t, t.TempDir())
			e, err := Open(t.Context(), opt)
			if err == nil {
				closeNow(t, e)
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v; want %q in it", err, test.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func changeStream(t *testing.T, dir string) {
	t.Helper()
	e := openDir(t, dir)
	defer closeNow(t, e)
	config := streamConfig(streamBytes(smallStoreBytes))
	config.MaxAge = time.Hour
	if _, err := e.log.(*embedded).session.Load().js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestTheLimitMayChange(t *testing.T) {
	dir := t.TempDir()
	e := openDir(t, dir)
	acceptAndTake(t, e)
	closeNow(t, e)
	for _, limit := range []int64{4 * smallStoreBytes, smallStoreBytes} {
		e, err := Open(t.Context(), Options{Dir: dir, MaxBytes: limit})
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Deliveries(queue.Query{})) != 1 {
			t.Error("the delivery is gone")
		}
		closeNow(t, e)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	e := openDir(t, t.TempDir())
	acceptAndTake(t, e)
	closeNow(t, e)
	closeNow(t, e) // again is nothing
}

// TestTheServerIsRestartedInPlace breaks the server under the engine.
func TestTheServerIsRestartedInPlace(t *testing.T) {
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	d := acceptAndTake(t, e)
	broken := e.log.(*embedded).server
	broken.Shutdown()
	broken.WaitForShutdown()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := e.Settle(ctx, d.ID, queue.Outcome{Kind: queue.Delivered, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Accept(ctx, acceptance(2, "#a")); err != nil {
		t.Fatal(err)
	}
	if kept := e.Deliveries(queue.Query{}); len(kept) != 1 || kept[0].BuildID != 2 {
		t.Fatalf("kept %+v, want the second event only", kept)
	}
}

func TestTrimmedOnDisk(t *testing.T) {
	dir := t.TempDir()
	e := openDir(t, dir)
	acceptAndSettle(t, e, acceptance(1, "#down"), queue.Dead)
	deliverMany(t, e, 100, 800)
	before := e.Deliveries(queue.Query{})
	closeNow(t, e)
	e = openDir(t, dir)
	defer closeNow(t, e)
	if x, err := e.log.extent(t.Context()); err != nil || x.first == 1 {
		t.Fatalf("the log is %+v, %v; want it trimmed", x, err)
	}
	if diff := cmp.Diff(before, e.Deliveries(queue.Query{})); diff != "" {
		t.Fatalf("deliveries (-before +after the restart):\n%s", diff)
	}
	if _, err := e.Redrive(t.Context(), queue.Query{}); err != nil {
		t.Fatal(err)
	}
	again, err := e.Take(t.Context(), queue.Healthy)
	if err != nil || again.ID != before[0].ID || again.Event.Build.ID != 1 {
		t.Fatalf("%+v, %v; want the event that was carried", again, err)
	}
}

func TestStreamErrorsAreToldApart(t *testing.T) {
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	l := e.log.(*embedded)
	if _, err := l.append(t.Context(), nil, 7); !errors.Is(err, errConflict) {
		t.Errorf("append after a message that is not the last: %v", err)
	}
	if _, err := l.read(t.Context(), 7); !errors.Is(err, errGone) {
		t.Errorf("read what is not there: %v", err)
	}
	config := streamConfig(1000)
	if _, err := l.session.Load().js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	x, err := l.extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.append(t.Context(), make([]byte, 2000), x.last); !errors.Is(err, errLogFull) {
		t.Errorf("append to a full stream: %v", err)
	}
}
