package filestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/minio/highwayhash"
)

// A record is length(4) sequence(8) time(8) subject length(2) subject [header length(4) header]
// message checksum(8), in little-endian order.
const (
	recordHeader   = 22
	recordChecksum = 8
	emptyRecord    = recordHeader + recordChecksum
	largestRecord  = 32 << 20

	hasHeaderBit = 1 << 31 // of the length
	erasedBit    = 1 << 63 // of the sequence: the message was removed
	tombstoneBit = 1 << 62 // of the sequence: a message in an earlier record was removed
)

// record is a readable record.
type record struct {
	raw       []byte
	seq       uint64
	erased    bool
	tombstone bool
}

// live reports whether the record holds a message.
func (r *record) live() bool { return !r.erased && !r.tombstone && r.seq > 0 }

// codec reads and writes the records of one block: each block has a hash key of its own.
type codec struct {
	key [sha256.Size]byte
}

func newCodec(stream string, block int) codec {
	return codec{sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, block))}
}

// decode reads the record at the beginning of buf.
func (c codec) decode(buf []byte) (r record, ok bool) {
	if len(buf) < emptyRecord {
		return record{}, false
	}
	length := binary.LittleEndian.Uint32(buf)
	withHeader := length&hasHeaderBit != 0
	length &^= hasHeaderBit
	if length < emptyRecord || length > largestRecord || int(length) > len(buf) {
		return record{}, false
	}
	subject := int(binary.LittleEndian.Uint16(buf[20:]))
	raw := buf[:length:length]
	body := raw[recordHeader : len(raw)-recordChecksum]
	skip := 0
	if withHeader {
		skip = 4
	}
	if subject+skip > len(body) {
		return record{}, false
	}
	sum := c.sum(raw[4:20], body[:subject], body[subject+skip:])
	if !bytes.Equal(sum, raw[len(raw)-recordChecksum:]) {
		return record{}, false
	}
	seq := binary.LittleEndian.Uint64(raw[4:])
	return record{
		raw: raw, seq: seq &^ (erasedBit | tombstoneBit),
		erased: seq&erasedBit != 0, tombstone: seq&tombstoneBit != 0,
	}, true
}

// tombstone encodes a record that says that the message seq was removed. It makes a stream whose last
// message was lost continue after that number.
func (c codec) tombstone(seq uint64, nanoseconds int64) []byte {
	raw := make([]byte, recordHeader, emptyRecord)
	binary.LittleEndian.PutUint32(raw, emptyRecord)
	binary.LittleEndian.PutUint64(raw[4:], seq|tombstoneBit)
	binary.LittleEndian.PutUint64(raw[12:], uint64(nanoseconds))
	return append(raw, c.sum(raw[4:20])...)
}

func (c codec) sum(parts ...[]byte) []byte { return checksum(c.key, parts...) }

func checksum(key [sha256.Size]byte, parts ...[]byte) []byte {
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	for _, part := range parts {
		_, _ = hash.Write(part)
	}
	return hash.Sum(nil)
}
