package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
)

const (
	// recoveryEvents fill three message blocks.
	recoveryEvents = 25
	recoveryBytes  = 400 << 10
	recoveryLimit  = 12 << 20 // which the server divides into blocks of 4 MB
)

// crashed is the directory of a store whose process was killed while deliveries waited.
type crashed struct {
	t   *testing.T
	dir string
}

func newCrashed(t *testing.T) *crashed {
	t.Helper()
	s := mustOpen(t, t.TempDir(), engine.Options{MaxBytes: recoveryLimit})
	defer closeNow(t, s)
	for build := range int64(recoveryEvents) {
		a := acceptance(build+1, "#down")
		a.Event.Commit.Message = strings.Repeat("m", recoveryBytes)
		// One namespace alone may take half of the store.
		a.Offers[0].Namespace = fmt.Sprintf("team-%d", build)
		a.Offers[0].Targets[0].Namespace = a.Offers[0].Namespace
		if receipt, err := s.Accept(t.Context(), a); err != nil || len(receipt.Stored) != 1 {
			t.Fatalf("accept event %d: %+v, %v", build, receipt, err)
		}
	}
	c := &crashed{t, filepath.Join(t.TempDir(), "store")}
	c.copyFrom(s.log.dir.path)
	return c
}

// copyFrom copies an open store, as it is on disk at the moment.
func (c *crashed) copyFrom(dir string) {
	c.t.Helper()
	if err := os.CopyFS(c.dir, os.DirFS(dir)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashed) path(names ...string) string {
	return filepath.Join(append([]string{c.dir, "standalone", "jetstream", "$G", "streams", streamName}, names...)...)
}

func (c *crashed) block(name string) string { return c.path("msgs", name) }

func (c *crashed) change(path string, change func([]byte) []byte) {
	c.t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// grow gives a file a size that fits into no memory, as a damaged file system can. It takes no space.
func (c *crashed) grow(path string) {
	c.t.Helper()
	if err := os.Truncate(path, 1<<40); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashed) remove(path string) {
	c.t.Helper()
	if err := os.RemoveAll(path); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashed) open() *store {
	c.t.Helper()
	return mustOpen(c.t, c.dir, engine.Options{MaxBytes: recoveryLimit})
}

// kept returns the files in the folder of damaged files.
func (c *crashed) kept() (names []string) {
	c.t.Helper()
	folders, err := filepath.Glob(filepath.Join(c.dir, damagedPrefix+"*"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, d.Name())
			}
			return err
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return names
}

func flipped(data []byte) []byte {
	data[len(data)/2] ^= 1
	return data
}

func torn(data []byte) []byte { return data[:len(data)-recoveryBytes/2] }

func emptied([]byte) []byte { return nil }

// damages are the cases of docs/operations/recovery.md. lost is how many events are lost; block is the
// number of events in a block.
var damages = map[string]struct {
	do        func(c *crashed)
	lost      int
	wholeFile bool // lost is any number up to a block's
	kept      string
}{
	"nothing":                    {do: func(*crashed) {}},
	"flipped bit in the newest":  {do: func(c *crashed) { c.change(c.block("3.blk"), flipped) }, lost: 1, kept: "3.blk"},
	"flipped bit in the oldest":  {do: func(c *crashed) { c.change(c.block("1.blk"), flipped) }, lost: 1, kept: "1.blk"},
	"torn last message":          {do: func(c *crashed) { c.change(c.block("3.blk"), torn) }, lost: 1, kept: "3.blk"},
	"empty newest block":         {do: func(c *crashed) { c.change(c.block("3.blk"), emptied) }, wholeFile: true},
	"empty oldest block":         {do: func(c *crashed) { c.change(c.block("1.blk"), emptied) }, wholeFile: true},
	"missing oldest block":       {do: func(c *crashed) { c.remove(c.block("1.blk")) }, wholeFile: true},
	"missing middle block":       {do: func(c *crashed) { c.remove(c.block("2.blk")) }, wholeFile: true},
	"missing newest block":       {do: func(c *crashed) { c.remove(c.block("3.blk")) }, wholeFile: true},
	"missing index":              {do: func(c *crashed) { c.remove(c.block("index.db")) }},
	"flipped bit and no index":   {do: func(c *crashed) { c.change(c.block("2.blk"), flipped); c.remove(c.block("index.db")) }, lost: 1, kept: "2.blk"},
	"damaged meta.inf":           {do: func(c *crashed) { c.change(c.path("meta.inf"), flipped) }, kept: "meta.inf"},
	"missing meta.inf":           {do: func(c *crashed) { c.remove(c.path("meta.inf")) }, kept: "meta.sum"},
	"damaged meta.sum":           {do: func(c *crashed) { c.change(c.path("meta.sum"), flipped) }, kept: "meta.sum"},
	"all of the server's files":  {do: func(c *crashed) { c.remove(filepath.Join(c.dir, "standalone")) }, lost: recoveryEvents},
	"oldest block far too large": {do: func(c *crashed) { c.grow(c.block("1.blk")) }},
	"newest block far too large": {do: func(c *crashed) { c.grow(c.block("3.blk")) }},
	"empty topology mark":        {do: func(c *crashed) { c.change(filepath.Join(c.dir, "topology"), emptied) }},
	"damaged topology mark":      {do: func(c *crashed) { c.change(filepath.Join(c.dir, "topology"), flipped) }},
	"topology mark of zeros": {do: func(c *crashed) {
		c.change(filepath.Join(c.dir, "topology"), func(b []byte) []byte { return make([]byte, len(b)) })
	}},
	"missing high-water mark": {do: func(c *crashed) { c.remove(filepath.Join(c.dir, markName)) }},
	"damaged high-water mark": {do: func(c *crashed) {
		c.change(filepath.Join(c.dir, markName), func(b []byte) []byte { return make([]byte, len(b)) })
	}},
	"half of the high-water mark": {do: func(c *crashed) {
		c.change(filepath.Join(c.dir, markName), func(b []byte) []byte { clear(b[:100]); return b })
	}},
}

// TestRecovery damages the store of a killed process. The store opens with everything that can be read,
// reports how many events are lost, keeps the damaged files, and reports the same loss after a restart,
// but not as a second one.
func TestRecovery(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			c := newCrashed(t)
			damage.do(c)
			s := c.open()
			lost := recoveryEvents - len(s.Deliveries(queue.Query{}))
			if damage.wholeFile && (lost == 0 || lost > recoveryEvents/2) || !damage.wholeFile && lost != damage.lost {
				t.Errorf("%d events are lost, want %d", lost, damage.lost)
			}
			wantLoss(t, s, lost)
			if damage.kept != "" && !slices.Contains(c.kept(), damage.kept) {
				t.Errorf("%s is not kept; kept are %v", damage.kept, c.kept())
			}
			if _, err := s.Accept(t.Context(), acceptance(1000, "#down")); err != nil {
				t.Fatal(err)
			}
			closeNow(t, s)
			s = c.open()
			defer closeNow(t, s)
			if n := len(s.Deliveries(queue.Query{})); n != recoveryEvents-lost+1 {
				t.Errorf("after a restart %d deliveries wait, want %d", n, recoveryEvents-lost+1)
			}
			wantLoss(t, s, lost)
		})
	}
}

// wantLoss checks that there is one loss of that many events, or none if it is zero.
func wantLoss(t *testing.T, s *store, events int) {
	t.Helper()
	losses := s.Losses()
	switch {
	case events == 0 && len(losses) == 0:
	case len(losses) != 1 || losses[0].Events != uint64(events) || losses[0].Messages < uint64(events) || losses[0].Waited == 0:
		t.Errorf("losses %+v, want one of %d events", losses, events)
	}
}

// TestAVolumeFromYesterdaysBackup: the mark outside of the volume shows what the volume lacks.
func TestAVolumeFromYesterdaysBackup(t *testing.T) {
	s := openDir(t, t.TempDir())
	for build := range int64(5) {
		if _, err := s.Accept(t.Context(), acceptance(build+1, "#down")); err != nil {
			t.Fatal(err)
		}
	}
	backup := &crashed{t, filepath.Join(t.TempDir(), "store")}
	backup.copyFrom(s.log.dir.path)
	for build := range int64(3) {
		if _, err := s.Accept(t.Context(), acceptance(build+10, "#down")); err != nil {
			t.Fatal(err)
		}
	}
	known := s.HighWater()
	closeNow(t, s)

	restored := func() *store {
		return mustOpen(t, backup.dir, engine.Options{MaxBytes: smallStoreBytes, Known: &known})
	}
	s = restored()
	if n := len(s.Deliveries(queue.Query{})); n != 5 {
		t.Errorf("%d deliveries wait, want those of the backup", n)
	}
	wantOld := func() {
		t.Helper()
		losses := s.Losses()
		if len(losses) != 1 || losses[0].Events != 3 || losses[0].Waited != 8 || !strings.Contains(losses[0].Cause, "older copy") {
			t.Errorf("losses %+v, want one of three events", losses)
		}
	}
	wantOld()
	closeNow(t, s)
	s = restored() // before the mark outside of the volume was updated
	defer closeNow(t, s)
	wantOld()
}

// TestAVolumeThatWasEmptied: a new volume instead of the old one is reported, too.
func TestAVolumeThatWasEmptied(t *testing.T) {
	s := openDir(t, t.TempDir())
	if _, err := s.Accept(t.Context(), acceptance(1, "#down")); err != nil {
		t.Fatal(err)
	}
	known := s.HighWater()
	closeNow(t, s)
	s = mustOpen(t, t.TempDir(), engine.Options{MaxBytes: smallStoreBytes, Known: &known})
	defer closeNow(t, s)
	losses := s.Losses()
	if len(losses) != 1 || losses[0].Events != 1 || losses[0].Waited != 1 || !strings.Contains(losses[0].Cause, "not the one") {
		t.Errorf("losses %+v, want one of one event", losses)
	}
}
