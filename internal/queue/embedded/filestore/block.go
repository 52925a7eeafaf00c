package filestore

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// largestBlock is more than the server writes to one block: eight MiB, and the record that exceeds them. What
// is behind it is damage, which must not be read into memory: a file can have any size then.
const largestBlock = 2 * largestRecord

// block is the content of a message block.
type block struct {
	records []record
	// damaged are the bytes that belong to no readable record, and torn those of them at the end.
	damaged, torn int64
}

// readBlock reads the block with a number from a file, and returns the file's size too.
func (s Stream) readBlock(name string, index int) (block, int64, error) {
	f, err := os.Open(s.path(name))
	if err != nil {
		return block{}, 0, err
	}
	info, err := f.Stat()
	var buf []byte
	if err == nil {
		buf = make([]byte, min(info.Size(), largestBlock))
		_, err = io.ReadFull(f, buf)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return block{}, 0, err
	}
	b := newCodec(s.Name, index).scan(buf, s.Subject)
	if behind := info.Size() - int64(len(buf)); behind > 0 {
		b.damaged += behind
		b.torn += behind
	}
	return b, info.Size(), nil
}

// scan reads all records of a block. After an unreadable one, it continues at the next record with a
// valid checksum.
func (c codec) scan(buf []byte, subject string) block {
	var b block
	for at := 0; at < len(buf); {
		if r, ok := c.decode(buf[at:]); ok {
			b.records = append(b.records, r)
			b.torn = 0
			at += len(r.raw)
			continue
		}
		next := c.resync(buf, at+1, subject)
		b.damaged += int64(next - at)
		b.torn = int64(next - at)
		at = next
	}
	return b
}

// resync returns where the next readable record begins, or the end.
func (c codec) resync(buf []byte, from int, subject string) int {
	for at := from; at+emptyRecord <= len(buf); at++ {
		if !plausible(buf[at:], subject) {
			continue
		}
		if _, ok := c.decode(buf[at:]); ok {
			return at
		}
	}
	return len(buf)
}

// plausible is a cheap check whether a record may begin here, before its checksum is computed: blocks
// contain only messages of the stream's single subject and records without a subject.
func plausible(buf []byte, subject string) bool {
	switch n := int(buf[20]) | int(buf[21])<<8; n {
	case 0:
		return buf[0] == emptyRecord && buf[1] == 0 && buf[2] == 0 && buf[3] == 0
	case len(subject):
		return len(buf) >= recordHeader+n && bytes.Equal(buf[recordHeader:recordHeader+n], []byte(subject))
	}
	return false
}

// sound returns the block without its damaged bytes.
func (b *block) sound() []byte {
	var buf []byte
	for i := range b.records {
		buf = append(buf, b.records[i].raw...)
	}
	return buf
}
