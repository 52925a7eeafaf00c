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

// ID is half a SHA-256: the id of a delivery, an event, a build or a value.
type ID [sha256.Size / 2]byte

// String returns the ID as 32 lowercase hexadecimal characters.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what String wrote.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("%q is not the id of a delivery: want %d hexadecimal characters", text, 2*len(id))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// BuildID identifies a build, including all its runs.
func BuildID(e *travis.Event) ID {
	return newHasher().text("build").number(e.Repository.ID).number(e.Build.ID).sum()
}

// EventID identifies a build event: one state of one run of a build. The run is identified by its start, or
// by its end if it never started. Otherwise the end is ignored, because some versions of Travis report a
// finish again with another time.
func EventID(e *travis.Event) ID {
	h := newHasher().number(e.Repository.ID).number(e.Build.ID).text(e.Build.State).time(e.Build.Started)
	if e.Build.Started.IsZero() {
		h = h.time(e.Build.Finished)
	}
	return h.sum()
}

// SeenID identifies the record of a build's events for a namespace.
func SeenID(build ID, namespace string) ID {
	return newHasher().text(string(build[:])).text(namespace).sum()
}

// ValueID identifies a value of the key-value store.
func ValueID(bucket, key string) ID {
	return newHasher().text("value").text(bucket).text(key).sum()
}

// DeliveryID identifies a delivery by its event and target, so that it is the same after every crash, replay
// and redrive. A route that was deleted and created again is another target.
func DeliveryID(event ID, t *queue.Target) ID {
	h := newHasher().text(string(event[:]))
	for _, s := range []string{t.Namespace, t.Route, t.RouteUID, t.Account, t.Address} {
		h = h.text(s)
	}
	return h.sum()
}

// hasher is a list of values, each written with its length, so that different lists never give the same bytes.
type hasher []byte

// newHasher is inlined, so that the list is on the caller's stack unless it is long.
func newHasher() hasher { return make(hasher, 0, 512) }

func (h hasher) number(n int64) hasher { return binary.BigEndian.AppendUint64(h, uint64(n)) }

func (h hasher) text(s string) hasher { return append(h.number(int64(len(s))), s...) }

func (h hasher) time(t time.Time) hasher {
	if t.IsZero() {
		return h.text("")
	}
	var buf [len(time.RFC3339Nano)]byte
	return h.text(string(t.UTC().AppendFormat(buf[:0], time.RFC3339Nano)))
}

func (h hasher) sum() (id ID) {
	sum := sha256.Sum256(h)
	copy(id[:], sum[:])
	return id
}
