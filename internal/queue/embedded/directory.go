package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/travishook/travishook/internal/queue/embedded/filestore"
	"github.com/travishook/travishook/internal/queue/journal"
)

// The kinds of servers. A standalone server's store loses its streams when a clustered server opens it, so the file
// topology in the directory names the kind that it belongs to. It also has the version of the journal's format, which
// a process that waits for the lock can read there.
const (
	standalone = "standalone"
	clustered  = "cluster"
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

// claim checks the directory's topology file, and writes it if it is missing, damaged or older.
func (d *directory) claim() error {
	want := fmt.Sprintf("%s %d", standalone, journal.Version)
	is, err := d.check()
	if err != nil || is == want {
		return err
	}
	return writeSynced(d.topology(), want+"\n")
}

func (d *directory) topology() string { return filepath.Join(d.path, "topology") }

// check returns the content of the topology file, or an error if this program must not open the directory.
func (d *directory) check() (content string, err error) {
	text, err := os.ReadFile(d.topology())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read topology: %w", err)
	}
	content = strings.Trim(string(text), "\x00 \t\r\n")
	kind, format, _ := strings.Cut(content, " ")
	if kind == clustered || kind != "" && kind != standalone && !d.hasStore() {
		return "", fmt.Errorf("the directory has the store of a %q server, which a %q server would damage: choose another directory, or the settings that it was made with", kind, standalone)
	}
	if written, err := strconv.Atoi(format); err == nil && kind == standalone && written > journal.Version {
		return "", fmt.Errorf("the journal was written by a newer version of travishook: its format is %d, and this program supports formats up to %d; start the newer version of travishook", written, journal.Version)
	}
	return content, nil
}

// hasStore reports whether the directory has the files of a standalone server.
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
func (d *directory) store() string { return filepath.Join(d.path, standalone) }

// stream is where the server keeps the journal.
func (d *directory) stream() filestore.Stream {
	return filestore.Stream{
		Dir:  filepath.Join(d.store(), "jetstream", "$G", "streams", streamName),
		Name: streamName, Subject: subject,
	}
}

func (d *directory) close() error { return d.lock.Release() }

// volume is the size in bytes of the volume that the directory is on; zero if that is unknown.
func (d *directory) volume() int64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(d.path, &fs); err != nil {
		return 0
	}
	return int64(fs.Blocks) * fs.Bsize
}
