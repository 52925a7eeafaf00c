package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
)

// damagedFolder keeps copies of files from before they were repaired or removed.
type damagedFolder struct {
	dir   string // the store's
	limit int64  // bytes in all folders together
	log   logr.Logger

	path string // of the folder; empty until the first file is kept
	used int64
}

const (
	damagedPrefix = "damaged-"
	// damagedFolders is how many folders of earlier repairs are kept.
	damagedFolders = 5
	// damagedLeast is the least that they may take together: two message blocks and some small files.
	damagedLeast = 20 << 20
)

// damagedLimit returns what all folders together may take of the space that the volume has beyond the store.
func damagedLimit(maxBytes int64) int64 { return max(damagedLeast, maxBytes/8) }

// keep keeps a file under its base name. The file itself is then replaced or removed, never changed in
// place, so a hard link is enough and takes no space.
func (d *damagedFolder) keep(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep a damaged file: %w", err)
	}
	if err := d.prepare(); err != nil {
		return fmt.Errorf("keep a damaged file: %w", err)
	}
	if d.used+info.Size() > d.limit {
		d.log.Info("a damaged file is not kept, because the folder has reached its limit", "file", path, "bytes", info.Size(), "limit", d.limit)
		return nil
	}
	to := filepath.Join(d.path, filepath.Base(path))
	if err := os.Link(path, to); err != nil {
		if err := copyFile(to, path); err != nil {
			return fmt.Errorf("keep a damaged file: %w", err)
		}
	}
	d.used += info.Size()
	return nil
}

// write keeps data in a file of its own.
func (d *damagedFolder) write(name string, data []byte) error {
	if err := d.prepare(); err != nil {
		return fmt.Errorf("keep damaged data: %w", err)
	}
	if d.used+int64(len(data)) > d.limit {
		return fmt.Errorf("keep damaged data: the folder has reached its limit of %d bytes", d.limit)
	}
	d.used += int64(len(data))
	if err := os.WriteFile(filepath.Join(d.path, name), data, 0o600); err != nil {
		return fmt.Errorf("keep damaged data: %w", err)
	}
	return nil
}

// prepare makes the folder, once, and drops the oldest of earlier ones.
func (d *damagedFolder) prepare() error {
	if d.path != "" {
		return nil
	}
	earlier, err := filepath.Glob(filepath.Join(d.dir, damagedPrefix+"*"))
	if err != nil {
		return err
	}
	slices.Sort(earlier) // the name is a time
	for len(earlier) >= damagedFolders {
		d.log.Info("the oldest folder of damaged files is removed", "folder", earlier[0])
		if err := os.RemoveAll(earlier[0]); err != nil {
			return err
		}
		earlier = earlier[1:]
	}
	for _, folder := range earlier {
		d.used += folderSize(folder)
	}
	name := damagedPrefix + strings.ReplaceAll(time.Now().UTC().Format("20060102T150405.000Z"), ".", "")
	if err := os.Mkdir(filepath.Join(d.dir, name), 0o700); err != nil {
		return err
	}
	d.path = filepath.Join(d.dir, name)
	return nil
}

func folderSize(path string) (bytes int64) {
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
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
	return errors.Join(err, out.Sync(), out.Close())
}
