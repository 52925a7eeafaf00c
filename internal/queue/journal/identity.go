package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// ID is half a SHA-256: it names a delivery, an event, a build or a value.
type ID [sha256.Size / 2]byte

// String is the ID as 32 lowercase hexadecimal characters.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what String wrote.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("%q is not the id of a delivery: want %d hexadecimal characters", text, 2*len(id))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// BuildID names a build, whatever run of it.
func BuildID(e *travis.Event) ID {
	var h hasher
	h.text("build")
	h.number(e.Repository.ID)
	h.number(e.Build.ID)
	return h.sum()
}

// EventID names a build event: one state of one run of a build, which its start tells from others; or
// its end, where it never started. When it ended makes no difference otherwise: some versions of Travis
// report a finish again with another time.
func EventID(e *travis.Event) ID {
	var h hasher
	h.number(e.Repository.ID)
	h.number(e.Build.ID)
	h.text(e.Build.State)
	h.time(e.Build.Started)
	if e.Build.Started.IsZero() {
		h.time(e.Build.Finished)
	}
	return h.sum()
}

// SeenID names what a namespace had of a build.
func SeenID(build ID, namespace string) ID {
	var h hasher
	h.text(string(build[:]))
	h.text(namespace)
	return h.sum()
}

// ValueID names a value of the key-value store.
func ValueID(bucket, key string) ID {
	var h hasher
	h.text("value")
	h.text(bucket)
	h.text(key)
	return h.sum()
}

// DeliveryID names a delivery by its event and target, so that it is the same after every
// crash, replay and redrive. A route that was deleted and made again is another one.
func DeliveryID(event ID, t *queue.Target) ID {
	var h hasher
	h.text(string(event[:]))
	for _, s := range []string{t.Namespace, t.Route, t.RouteUID, t.Account, t.Address} {
		h.text(s)
	}
	return h.sum()
}

// hasher writes each value with its length, so that no two lists of values read the same.
type hasher struct{ buf []byte }

func (h *hasher) number(n int64) { h.buf = binary.BigEndian.AppendUint64(h.buf, uint64(n)) }

func (h *hasher) text(s string) {
	h.number(int64(len(s)))
	h.buf = append(h.buf, s...)
}

func (h *hasher) time(t time.Time) {
	if t.IsZero() {
		h.text("")
		return
	}
	h.text(t.UTC().Format(time.RFC3339Nano))
}

func (h *hasher) sum() (id ID) {
	sum := sha256.Sum256(h.buf)
	copy(id[:], sum[:])
	return id
}
