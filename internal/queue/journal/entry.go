package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// version of the entries' format. A change that an older reader would misread raises it. In the
// first there was no home: a channel of that time has none, until it is moved.
const version = 2

// Entry is one fact; exactly one of its pointers is set. A message of the log is one or more
// of them, each a line of JSON.
type Entry struct {
	Version int `json:"v"`

	Accept *Accept `json:"accept,omitempty"`
	Settle *Settle `json:"settle,omitempty"`
	Move   *Move   `json:"move,omitempty"`
	Resume *Resume `json:"resume,omitempty"`
	Put    *Put    `json:"put,omitempty"`

	// What Carry tells of messages that are about to go.
	Kept    *Kept    `json:"kept,omitempty"`
	Seen    []Seen   `json:"seen,omitempty"`
	Status  *Status  `json:"status,omitempty"`
	Channel *Channel `json:"channel,omitempty"`

	// Loss is what could not be read any more of the messages before.
	Loss *queue.Loss `json:"loss,omitempty"`

	raw        []byte // the line itself
	unreadable error  // why the line does not decode
}

// Accept is an event that was accepted, with those namespaces that had not seen it.
type Accept struct {
	At     time.Time     `json:"at"`
	Event  travis.Event  `json:"event"`
	Offers []queue.Offer `json:"offers"`
}

// Settle is what came of an attempt, or of a kept delivery without one.
type Settle struct {
	ID      ID            `json:"id"`
	Outcome queue.Outcome `json:"outcome"`
}

// Move gives a channel another home, instead of an attempt. It names the channel, for it means the
// same also where the delivery is not known any more.
type Move struct {
	ID      ID        `json:"id"` // of the delivery that was handed out
	Channel string    `json:"channel"`
	Home    string    `json:"home"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"` // of the channel's pause
}

// Resume makes waiting deliveries due, and begins dead ones again.
type Resume struct {
	At  time.Time `json:"at"`
	IDs []ID      `json:"ids"`
}

// Put is a value of the memory beside the deliveries.
type Put struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Value  []byte `json:"value"`
}

// Kept is an event with those of its deliveries that have not ended.
type Kept struct {
	At         time.Time      `json:"at"`
	Event      travis.Event   `json:"event"`
	Seq        uint64         `json:"seq"`   // of the acceptance, with Index
	Index      int            `json:"index"` // its place in the order of deliveries
	Deliveries []KeptDelivery `json:"deliveries"`
}

// KeptDelivery is a delivery as it stands.
type KeptDelivery struct {
	Place    int            `json:"place"` // among the acceptance's own
	Target   queue.Target   `json:"target"`
	Attempts int            `json:"attempts,omitempty"`
	Since    time.Time      `json:"since"`
	Due      time.Time      `json:"due"`
	Last     *queue.Outcome `json:"last,omitempty"`
	Dead     bool           `json:"dead,omitempty"`
}

// Seen is a build event that a namespace has had.
type Seen struct {
	Key ID        `json:"key"`
	At  time.Time `json:"at"`
}

// Status is what is known of a route's channel, but for the counts, which follow from the deliveries.
type Status struct {
	Target    queue.Target `json:"target"`
	Used      time.Time    `json:"used"` // when an event was last accepted for it
	Delivered queue.Mark   `json:"delivered,omitzero"`
	Failure   queue.Mark   `json:"failure,omitzero"`
	Failures  int          `json:"failures,omitempty"`
}

// Channel is how a channel fares.
type Channel struct {
	Name    string    `json:"name"`
	Home    string    `json:"home,omitempty"`
	Moves   int       `json:"moves,omitempty"` // since the last attempt
	Failing bool      `json:"failing,omitempty"`
	Until   time.Time `json:"until"` // of its pause, while failing or moved
	At      time.Time `json:"at"`    // when the pause began
}

// Size is the number of bytes that the entry takes in the log; zero before Encode.
func (e *Entry) Size() int { return len(e.raw) }

// Encode prepares e for the log.
func (e *Entry) Encode() error {
	e.Version = version
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode journal entry: %w", err)
	}
	e.raw = raw
	return nil
}

// Join makes one message of entries that were encoded.
func Join(entries []Entry) []byte {
	lines := make([][]byte, len(entries))
	for i := range entries {
		lines[i] = entries[i].raw
	}
	return bytes.Join(lines, []byte{'\n'})
}

// Split takes a message apart. A message without a byte holds no entry. An entry of a newer version is an
// error: to pass over it would be to lose it. One that does not decode stays in its place, and says so.
func Split(message []byte) ([]Entry, error) {
	if len(message) == 0 {
		return nil, nil
	}
	entries := make([]Entry, 0, 1+bytes.Count(message, []byte{'\n'}))
	for line := range bytes.SplitSeq(message, []byte{'\n'}) {
		e, err := decode(line)
		if errors.Is(err, errNewer) {
			return nil, fmt.Errorf("journal entry %d of the message: %w", len(entries), err)
		}
		if err != nil {
			e = Entry{raw: line, unreadable: err}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// SplitOne takes one entry out of a message.
func SplitOne(message []byte, index int) (Entry, error) {
	n := 0
	for line := range bytes.SplitSeq(message, []byte{'\n'}) {
		if n == index {
			return decode(line)
		}
		n++
	}
	return Entry{}, fmt.Errorf("the message has %d journal entries, and not number %d", n, index)
}

var errNewer = errors.New("was written by a newer version of travishook")

// Unreadable is why the entry does not decode; nil for all others.
func (e *Entry) Unreadable() error { return e.unreadable }

// Raw is the entry as it is in the log.
func (e *Entry) Raw() []byte { return e.raw }

func decode(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, err
	}
	if e.Version > version {
		return Entry{}, fmt.Errorf("%w: it is of version %d, and this program knows versions up to %d; start the newer version of travishook", errNewer, e.Version, version)
	}
	if e.Version < 1 {
		return Entry{}, errors.New("is of version 0, which there is not")
	}
	if !e.known() {
		return Entry{}, errors.New("is of a kind that this program does not know")
	}
	e.raw = line
	return e, nil
}

func (e *Entry) known() bool {
	return e.Accept != nil || e.Settle != nil || e.Move != nil || e.Resume != nil || e.Put != nil ||
		e.Kept != nil || e.Seen != nil || e.Status != nil || e.Channel != nil || e.Loss != nil
}

// Event is the event that the entry holds, or nil.
func (e *Entry) Event() *travis.Event {
	switch {
	case e.Accept != nil:
		return &e.Accept.Event
	case e.Kept != nil:
		return &e.Kept.Event
	}
	return nil
}
