// Package disk gives a test its own file system, in an image on a loop device, which it can fill,
// freeze, break and copy. That needs root; without it, the test is skipped.
package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Disk is a mounted disk image.
type Disk struct {
	// Dir is where it is mounted.
	Dir string

	image   string
	mounted bool
}

// New creates and mounts an empty disk. It skips the test where that is not possible.
func New(t testing.TB, size int64) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a disk image; run the test as root")
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, size)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("cannot make a file system here: %v: %s", err, out)
	}
	d := &Disk{Dir: t.TempDir(), image: image}
	if err := d.mount(t); err != nil {
		t.Skipf("cannot mount a disk image here: %v", err)
	}
	return d
}

// Mount mounts an image, which replays the file system's journal, until the test ends.
func Mount(t testing.TB, image string) *Disk {
	t.Helper()
	d := &Disk{Dir: t.TempDir(), image: image}
	if err := d.mount(t); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Disk) mount(t testing.TB) error {
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop", d.image, d.Dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	d.mounted = true
	t.Cleanup(func() { d.unmount(t) })
	return nil
}

func (d *Disk) unmount(t testing.TB) {
	if !d.mounted {
		return
	}
	if out, err := exec.Command("umount", d.Dir).CombinedOutput(); err != nil {
		t.Errorf("unmount: %v: %s", err, out)
	}
	d.mounted = false
}

// Break makes the file system read-only, as an error of its device does, until it is mounted again.
func (d *Disk) Break(t testing.TB) {
	t.Helper()
	run(t, "mount", "-o", "remount,abort", d.Dir)
}

// Repair mounts it again. No process may use it meanwhile.
func (d *Disk) Repair(t testing.TB) {
	t.Helper()
	d.unmount(t)
	if err := d.mount(t); err != nil {
		t.Fatal(err)
	}
}

// Hang blocks all writes until resume is called.
func (d *Disk) Hang(t testing.TB) (resume func()) {
	t.Helper()
	run(t, "fsfreeze", "-f", d.Dir)
	resume = sync.OnceFunc(func() { run(t, "fsfreeze", "-u", d.Dir) })
	t.Cleanup(resume)
	return resume
}

// thaw is how long a slow disk is not frozen between two delays.
const thaw = 10 * time.Millisecond

// Slow delays each write by up to delay, until resume is called.
func (d *Disk) Slow(t testing.TB, delay time.Duration) (resume func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for over := false; !over; {
			run(t, "fsfreeze", "-f", d.Dir)
			over = closed(stop, delay)
			run(t, "fsfreeze", "-u", d.Dir)
			over = over || closed(stop, thaw)
		}
	}()
	resume = sync.OnceFunc(func() { close(stop); <-stopped })
	t.Cleanup(resume)
	return resume
}

// closed waits for stop to be closed, for as long as wait, and reports whether it was.
func closed(stop <-chan struct{}, wait time.Duration) bool {
	select {
	case <-stop:
		return true
	case <-time.After(wait):
		return false
	}
}

// Fill uses up all free space until empty is called.
func (d *Disk) Fill(t testing.TB) (empty func()) {
	t.Helper()
	path := filepath.Join(d.Dir, "filler")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for chunk := make([]byte, 1<<16); len(chunk) > 0; chunk = chunk[:len(chunk)/2] {
		for err = nil; err == nil; {
			_, err = file.Write(chunk)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", name, err, out)
	}
}

// Copy copies the disk's content at this moment and returns the path of the copy. The processes that
// write to it must be stopped. The kernel may still be writing; then it is copied again, because a disk
// that loses power has the content of one moment.
func (d *Disk) Copy(t testing.TB) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	for range 20 {
		run(t, "cp", d.image, to)
		if exec.CommandContext(t.Context(), "cmp", "-s", d.image, to).Run() == nil {
			return to
		}
	}
	t.Fatal("the disk is written to all the time, with nobody who writes")
	return ""
}
