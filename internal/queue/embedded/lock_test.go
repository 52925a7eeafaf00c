package embedded

import (
	"errors"
	"testing"
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
