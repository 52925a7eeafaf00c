package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	dirMode  = 0o750
	fileMode = 0o640
)

// Fix are the parameters of Repair.
type Fix struct {
	// Meta is the meta file to write where it is missing or damaged.
	Meta []byte
	// Last is the highest number that a message of the stream had. If the files end before it, the
	// stream continues after it.
	Last uint64
	// KeepTorn also keeps the torn end of the last block. If all messages up to Last can be read, the torn
	// one was never acknowledged.
	KeepTorn bool
	// Keep keeps a copy of a file before it is replaced or removed. A hard link is enough.
	Keep func(path string) error
}

// Repair makes the files sound, so that the server drops nothing: unreadable records are removed and all
// others are kept. An interrupted repair can be repeated.
func (s Stream) Repair(r Report, fix Fix) error {
	if r.sound(fix.Last) {
		return nil
	}
	if len(r.Files) == 1 && r.Files[0].Torn && !fix.KeepTorn && fix.Last <= r.Last {
		return s.cutTorn(&r.Files[0])
	}
	if err := s.removeIndex(fix.Keep); err != nil {
		return err
	}
	for i := range r.Files {
		if err := s.repairFile(&r.Files[i], fix.Keep); err != nil {
			return err
		}
	}
	if fix.Last > r.Last {
		if err := s.raise(r.lastBlock+1, fix.Last); err != nil {
			return err
		}
	}
	if r.missingMeta {
		return s.writeMeta(fix.Meta)
	}
	return nil
}

// sound reports whether there is nothing to repair.
func (r *Report) sound(last uint64) bool {
	untouched := r.missingMeta && r.lastBlock == 0 && last == 0 // no stream was created yet
	return untouched || len(r.Files) == 0 && last <= r.Last && !r.missingMeta
}

// removeIndex removes the index, which is outdated, so that the server rebuilds it from the blocks.
func (s Stream) removeIndex(keep func(string) error) error {
	path := s.path(messagesDir, indexFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := keep(path); err != nil {
		return err
	}
	return remove(path)
}

func (s Stream) repairFile(f *File, keep func(string) error) error {
	path := s.path(f.Name)
	if err := keep(path); err != nil {
		return err
	}
	if f.block == 0 {
		return remove(path)
	}
	b, _, err := s.readBlock(f.Name, f.block)
	if err != nil {
		return fmt.Errorf("repair store: %w", err)
	}
	if sound := b.sound(); len(sound) > 0 {
		return replaceFile(path, sound)
	}
	return remove(path)
}

// cutTorn cuts off an incomplete message, in place, so that it works on a full disk.
func (s Stream) cutTorn(f *File) error {
	if err := os.Truncate(s.path(f.Name), f.whole); err != nil {
		return fmt.Errorf("repair store: %w", err)
	}
	return nil
}

// raise makes the stream continue after the message last, with a block that has its tombstone.
func (s Stream) raise(index int, last uint64) error {
	if err := os.MkdirAll(s.path(messagesDir), dirMode); err != nil {
		return fmt.Errorf("make the stream's directory: %w", err)
	}
	raw := newCodec(s.Name, index).tombstone(last, time.Now().UnixNano())
	return replaceFile(s.path(messagesDir, strconv.Itoa(index)+blockSuffix), raw)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("repair store: %w", err)
	}
	return nil
}

// replaceFile writes a file atomically: after a crash it has either its old content or all of data.
func replaceFile(path string, data []byte) error {
	temporary := path + ".repair"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return fmt.Errorf("repair store: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("repair store: %w", errors.Join(err, os.Remove(temporary)))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("repair store: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("repair store: %w", err)
	}
	return nil
}
