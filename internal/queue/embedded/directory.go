package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// topology is the kind of server that the directory belongs to. A standalone server's store loses its
// streams when a clustered server opens it, so a file in the directory names its kind.
const (
	topology  = "standalone"
	clustered = "cluster"
)

// directory is the store's, locked against another process.
type directory struct {
	path string
	lock *Lock
}

// openDirectory takes over the lock, and releases it if it returns an error.
func openDirectory(lock *Lock) (*directory, error) {
	d := &directory{path: lock.dir, lock: lock}
	if err := d.claim(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// claim marks the directory with its topology, or checks the mark.
func (d *directory) claim() error {
	marker := filepath.Join(d.path, "topology")
	text, err := os.ReadFile(marker)
	if errors.Is(err, fs.ErrNotExist) {
		return writeSynced(marker, topology+"\n")
	}
	if err != nil {
		return fmt.Errorf("read topology: %w", err)
	}
	is := strings.Trim(string(text), "\x00 \t\r\n")
	switch {
	case is == topology:
		return nil
	case is == clustered, is != "" && !d.hasStore():
		return fmt.Errorf("the directory has the store of a %q server, which a %q server would damage: choose another directory, or the settings that it was made with", is, topology)
	}
	return writeSynced(marker, topology+"\n") // the mark is damaged
}

// hasStore reports whether the directory has the files of a server of this topology.
func (d *directory) hasStore() bool {
	_, err := os.Stat(d.store())
	return err == nil
}

func writeSynced(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write topology: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write topology: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// store is where the server keeps its files.
func (d *directory) store() string { return filepath.Join(d.path, topology) }

func (d *directory) close() error { return d.lock.Release() }

// volume is the size in bytes of the volume that the directory is on; zero if that is unknown.
func (d *directory) volume() int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.path, &fs); err != nil {
		return 0
	}
	return int64(fs.Blocks) * fs.Bsize
}
