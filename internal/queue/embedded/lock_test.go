package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/queue"
)

// A process that waits for the lock learns whether the one that has it is about to release it.
func TestTheLockIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	first := mustLock(t, dir)
	expectInUse(t, dir, false)
	first.Stopping()
	expectInUse(t, dir, true)
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}

	second := mustLock(t, dir)
	expectInUse(t, dir, false)
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
}

// Of the processes that wait, the one that came first gets the lock, although it asks later.
func TestTheLineForTheLock(t *testing.T) {
	dir := t.TempDir()
	serving := mustLock(t, dir)
	second, third := Line{Dir: dir}, Line{Dir: dir}
	expectWaits := func(who string, l *Line, stopping bool) {
		t.Helper()
		_, err := l.TryLock()
		if other, waits := errors.AsType[*InUseError](err); !waits || other.Stopping != stopping {
			t.Fatalf("the %s: %#v, want an InUseError with Stopping %t", who, err, stopping)
		}
	}
	expectWaits("second", &second, false)
	expectWaits("third", &third, false)
	serving.Stopping()
	expectWaits("third", &third, true)
	if err := serving.Release(); err != nil {
		t.Fatal(err)
	}
	expectWaits("third", &third, true)
	serving, err := second.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	expectWaits("third", &third, false)
	fourth := Line{Dir: dir}
	expectWaits("fourth", &fourth, false)
	third.Leave()
	expectWaits("fourth", &fourth, false)
	if err := serving.Release(); err != nil {
		t.Fatal(err)
	}
	expectWaits("third", &third, false)
	lock, err := fourth.TryLock()
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = third.TryLock(); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

// A lock that somebody has deleted is renewed before anything is stored, so that nobody else can open the store.
func TestADeletedLockIsRenewed(t *testing.T) {
	s := openDir(t, t.TempDir())
	defer closeNow(t, s)
	acceptAndTake(t, s)
	dir := s.log.dir.path
	remove(t, filepath.Join(dir, "lock"))
	_, err := s.Accept(t.Context(), acceptance(2, "#a"))
	if !errors.Is(err, queue.ErrUnavailable) || !strings.Contains(err.Error(), "lock was removed or replaced") {
		t.Fatalf("accepted without the lock: %v", err)
	}
	awaitReady(t, s)
	expectInUse(t, dir, false)
	if got := s.Losses(); len(got) > 0 {
		t.Errorf("losses are reported: %v", got)
	}
	s.log.dir.lock.Stopping()
	expectInUse(t, dir, true)
}

// If another process has locked the directory, the store stays closed until that one has ended.
func TestALockThatAnotherProcessHas(t *testing.T) {
	s := openDir(t, t.TempDir())
	defer closeNow(t, s)
	acceptAndTake(t, s)
	dir := s.log.dir.path
	remove(t, filepath.Join(dir, "lock"))
	other := mustLock(t, dir)
	if _, err := s.Accept(t.Context(), acceptance(2, "#a")); !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("accepted beside another process: %v", err)
	}
	eventually(t, "the reason is that of the other process", func() bool {
		_, inUse := errors.AsType[*InUseError](s.Ready())
		return inUse
	})
	if err := other.Release(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, s)
	expectInUse(t, dir, false)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func mustLock(t *testing.T, dir string) *Lock {
	t.Helper()
	lock, err := TryLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

func expectInUse(t *testing.T, dir string, stopping bool) {
	t.Helper()
	_, err := TryLock(dir)
	var other *InUseError
	if !errors.As(err, &other) || other.Stopping != stopping {
		t.Errorf("%#v, want an InUseError with Stopping %t", err, stopping)
	}
}
