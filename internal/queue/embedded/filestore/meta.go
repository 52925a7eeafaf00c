package filestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// checkMeta checks whether the server would recognize the stream.
func (s Stream) checkMeta(r *Report) error {
	meta, err := readIfThere(s.path(metaFile))
	if err != nil {
		return err
	}
	sum, err := readIfThere(s.path(sumFile))
	if err != nil {
		return err
	}
	switch {
	case meta == nil:
		r.missingMeta = true
	case sum == nil || !bytes.Equal(bytes.TrimSpace(sum), s.metaSum(meta)):
		r.missingMeta = true
		r.Files = append(r.Files, File{Name: metaFile, Problem: "does not match its checksum"})
	case !json.Valid(meta):
		r.missingMeta = true
		r.Files = append(r.Files, File{Name: metaFile, Problem: "is not JSON"})
	}
	if r.missingMeta && sum != nil {
		r.Files = append(r.Files, File{Name: sumFile, Problem: "is not for the stream " + metaFile})
	}
	return nil
}

// metaSum returns the checksum of the meta file, in hexadecimal digits.
func (s Stream) metaSum(meta []byte) []byte {
	sum := checksum(sha256.Sum256([]byte(s.Name)), meta)
	return hex.AppendEncode(nil, sum)
}

// readIfThere returns nil for a file that does not exist.
func readIfThere(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the stream's files: %w", err)
	}
	return data, nil
}

// writeMeta writes both meta files.
func (s Stream) writeMeta(meta []byte) error {
	if err := os.MkdirAll(s.path(messagesDir), dirMode); err != nil {
		return fmt.Errorf("make the stream's directory: %w", err)
	}
	if err := replaceFile(s.path(sumFile), s.metaSum(meta)); err != nil {
		return err
	}
	return replaceFile(s.path(metaFile), meta)
}
