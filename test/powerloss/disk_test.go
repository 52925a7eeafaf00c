// Package powerloss cuts the power of the store's disk, as far as a disk image can: the store is on a
// file system inside an image, the image is copied under load, and the copy is mounted. What
// was written and not synced is not in it.
package powerloss

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// disk is a file system of its own, on a loop device.
type disk struct {
	image string
	// dir is where it is mounted.
	dir string
}

const diskBytes = 128 << 20

// newDisk makes an empty one. It skips the test where none can be.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a disk image; run: sudo -E make powerloss")
	}
	image := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, diskBytes)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		t.Skipf("cannot make a file system here: %v: %s", err, out)
	}
	d, err := mount(t, image)
	if err != nil {
		t.Skipf("cannot mount a disk image here: %v", err)
	}
	return d
}

// mount mounts an image, which replays the file system's journal, until the test ends.
func mount(t *testing.T, image string) (*disk, error) {
	t.Helper()
	d := &disk{image: image, dir: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop", image, d.dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mount: %w: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %v: %s", err, out)
		}
	})
	return d, nil
}

// copyImage copies what is on the disk at this moment. Whoever writes must have been stopped; the
// system itself may still be writing, and then it is copied again: a disk that loses its power
// holds one moment and not two.
func (d *disk) copyImage(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	for range 20 {
		if err := copyFile(to, d.image); err != nil {
			t.Fatal(err)
		}
		same, err := equalFiles(to, d.image)
		if err != nil {
			t.Fatal(err)
		}
		if same {
			return to
		}
	}
	t.Fatal("the disk is written to all the time, with nobody who writes")
	return ""
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func equalFiles(a, b string) (bool, error) {
	as, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer func() { _ = as.Close() }()
	bs, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer func() { _ = bs.Close() }()
	const chunk = 1 << 20
	x, y := make([]byte, chunk), make([]byte, chunk)
	for {
		n, errA := io.ReadFull(as, x)
		m, errB := io.ReadFull(bs, y)
		if n != m || !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil { // both are as long
			return true, nil
		}
	}
}
