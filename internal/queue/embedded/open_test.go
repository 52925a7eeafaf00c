package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/natslog"
	"github.com/travishook/travishook/internal/queue/wal"
)

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, dir string) string
		want    string
	}{
		"a directory that another has open": {
			func(t *testing.T, dir string) string {
				e := openDir(t, dir)
				t.Cleanup(func() { closeNow(t, e) })
				return dir
			}, "another process has the store open",
		},
		"a cluster's directory": {
			func(t *testing.T, dir string) string {
				write(t, filepath.Join(dir, "topology"), "cluster\n")
				return dir
			}, `store of a "cluster" server`,
		},
		"a journal of a newer version": {
			func(t *testing.T, dir string) string {
				write(t, filepath.Join(dir, "topology"), "standalone 2\n")
				return dir
			}, "written by a newer version of travishook: its format is 2, and this program supports formats up to 1",
		},
		"a file": {
			func(t *testing.T, dir string) string {
				write(t, filepath.Join(dir, "file"), "")
				return filepath.Join(dir, "file")
			}, "make directory",
		},
		"a store that is no directory": {
			func(t *testing.T, dir string) string {
				write(t, filepath.Join(dir, "standalone"), "")
				return dir
			}, "not a directory",
		},
		"no directory": {
			func(*testing.T, string) string { return "" }, "needs a directory",
		},
		"a stream with other settings": {
			func(t *testing.T, dir string) string {
				changeStream(t, dir)
				return dir
			}, "max_age set to 1h0m0s",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := tryOpen(t.Context(), test.prepare(t, t.TempDir()), engine.Options{})
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

// Something odd in the store's directory is named, with what to do.
func TestOddFiles(t *testing.T) {
	const advice = "put back what was there, or move it away to go on without it"
	directory := func(path string) error { return os.Mkdir(path, 0o700) }
	file := func(path string) error { return os.WriteFile(path, nil, 0o600) }
	dangling := func(path string) error { return os.Symlink("missing", path) }
	loop := func(path string) error { return os.Symlink(path, path) }
	blocks := filepath.Join("standalone", "jetstream", "$G", "streams", streamName, "msgs")
	for _, odd := range []struct {
		name, kind string
		put        func(path string) error
	}{
		{"lock", "a directory", directory},
		{"topology", "a loop of links", loop},
		{"high-water-mark", "a directory", directory},
		{"standalone", "a file", file},
		{"standalone", "a link to nothing", func(path string) error { return os.Symlink(filepath.Join("missing", "too"), path) }},
		{blocks, "a file", file},
		{filepath.Join(blocks, "1.blk"), "a directory", directory},
		{filepath.Join(blocks, "1.blk"), "a link to nothing", dangling},
	} {
		t.Run(odd.name+" is "+odd.kind, func(t *testing.T) {
			dir := t.TempDir()
			s := openDir(t, dir)
			acceptAndTake(t, s)
			closeNow(t, s)
			path := filepath.Join(dir, odd.name)
			if err := errors.Join(os.RemoveAll(path), odd.put(path)); err != nil {
				t.Fatal(err)
			}
			open := func() error {
				s, err := OpenStore(t.Context(), dir, engine.Options{MaxBytes: smallStoreBytes})
				if err == nil {
					err = s.Close(t.Context())
				}
				return err
			}
			if err := open(); err == nil || !strings.Contains(err.Error(), path) || !strings.HasSuffix(err.Error(), advice) {
				t.Errorf("%v; want %s, and what to do", err, path)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := open(); err != nil {
				t.Errorf("after it was moved away: %v", err)
			}
		})
	}
}

// An error of permissions says which user needs them.
func TestAFileThatMayNotBeUsed(t *testing.T) {
	err := advise(fmt.Errorf("read topology: %w", &fs.PathError{Op: "open", Path: "/store/topology", Err: syscall.EACCES}))
	want := fmt.Sprintf("read topology: open /store/topology: permission denied; let user %d read and write all files of the store", os.Getuid())
	if err.Error() != want {
		t.Errorf("%q, want %q", err, want)
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
	config := natslog.Config(streamName, subject, wal.Capacity(smallStoreBytes))
	config.MaxAge = time.Hour
	if _, err := e.log.stream.Load().JS.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestTheLimitMayChange(t *testing.T) {
	dir := t.TempDir()
	e := openDir(t, dir)
	acceptAndTake(t, e)
	closeNow(t, e)
	for _, limit := range []int64{4 * smallStoreBytes, smallStoreBytes} {
		e := mustOpen(t, dir, engine.Options{MaxBytes: limit})
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
	closeNow(t, e) // a second time has no effect
}

// TestTheServerIsRestartedInPlace breaks the server under the engine.
func TestTheServerIsRestartedInPlace(t *testing.T) {
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	d := acceptAndTake(t, e)
	broken := e.log.server
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
	if x, err := e.log.Extent(t.Context()); err != nil || x.First == 1 {
		t.Fatalf("the log is %+v, %v; want it trimmed", x, err)
	}
	if diff := cmp.Diff(before, e.Deliveries(queue.Query{})); diff != "" {
		t.Fatalf("deliveries (-before +after the restart):\n%s", diff)
	}
	if _, err := e.Redrive(t.Context(), queue.Query{}); err != nil {
		t.Fatal(err)
	}
	again, err := e.Take(t.Context(), queue.Probation) // the lane of its destination since the failure
	if err != nil || again.ID != before[0].ID || again.Event.Build.ID != 1 {
		t.Fatalf("%+v, %v; want the event that was carried", again, err)
	}
}

func TestStreamErrorsAreDistinguished(t *testing.T) {
	e := openDir(t, t.TempDir())
	defer closeNow(t, e)
	l := e.log
	if _, err := l.Append(t.Context(), nil, 7); !errors.Is(err, wal.ErrConflict) {
		t.Errorf("append after a message that is not the last: %v", err)
	}
	if _, err := l.Read(t.Context(), 7); !errors.Is(err, wal.ErrGone) {
		t.Errorf("read what is not there: %v", err)
	}
	config := natslog.Config(streamName, subject, 1000)
	if _, err := l.stream.Load().JS.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	x, err := l.Extent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), make([]byte, 2000), x.Last); !errors.Is(err, wal.ErrFull) {
		t.Errorf("append to a full stream: %v", err)
	}
}

// A full volume is recognized by the server's words, too, so that the operator waits for room instead of exiting.
func TestAFullVolumeIsRecognized(t *testing.T) {
	server := errors.New("nats: API error: code=500 err_code=10069 description=write /store/meta.inf.tmp: no space left on device")
	for _, err := range []error{server, fmt.Errorf("open store: %w", syscall.ENOSPC)} {
		got := recognizeFull(err)
		if !errors.Is(got, syscall.ENOSPC) || got.Error() != err.Error() {
			t.Errorf("%v is not recognized", err)
		}
	}
	if other := errors.New("read-only file system"); errors.Is(recognizeFull(other), syscall.ENOSPC) {
		t.Errorf("%v is taken for a full volume", other)
	}
}
