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

// Version of the entries' format. It is increased by changes that an older reader would misread.
const Version = 1

// Entry is one fact; exactly one of its pointers is set. A message of the log is one or more
// of them, each a line of JSON.
type Entry struct {
	Version int `json:"v"`

	Accept   *Accept   `json:"accept,omitempty"`
	Finish   *Finish   `json:"finish,omitempty"`
	Settle   *Settle   `json:"settle,omitempty"`
	Reassign *Reassign `json:"reassign,omitempty"`
	Redrive  *Redrive  `json:"redrive,omitempty"`
	Wake     *Wake     `json:"wake,omitempty"`
	Drop     *Drop     `json:"drop,omitempty"`
	Put      *Put      `json:"put,omitempty"`

	// Entries of Carry.
	Kept      *Kept      `json:"kept,omitempty"`
	Builds    []Build    `json:"builds,omitempty"`
	History   *History   `json:"history,omitempty"`
	Message   *Message   `json:"message,omitempty"`
	Status    *Status    `json:"status,omitempty"`
	Channel   *Channel   `json:"channel,omitempty"`
	Condition *Condition `json:"condition,omitempty"`

	// Loss is a part of the earlier messages that can no longer be read.
	Loss *queue.Loss `json:"loss,omitempty"`

	raw        []byte // the line itself
	unreadable error  // why the line does not decode
}

// Accept is an event that was accepted for one namespace.
type Accept struct {
	At        time.Time      `json:"at"`
	Namespace string         `json:"namespace"`
	Targets   []queue.Target `json:"targets"`
	Event     travis.Event   `json:"event"`
}

// Place identifies a destination: by AccountKey and Destination, or, while the destination is not
// known, by AccountKey, Namespace and Channel.
type Place struct {
	AccountKey  string `json:"accountKey,omitempty"`
	Destination string `json:"destination,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Channel     string `json:"channel,omitempty"`
}

// Settle is the outcome of an attempt, or the end of a kept delivery without one.
type Settle struct {
	ID      ID            `json:"id"`
	Outcome queue.Outcome `json:"outcome"`
	// Place is the destination of the attempt; zero if the outcome does not concern it. It is recorded
	// because it applies even if the delivery is no longer known.
	Place Place `json:"place,omitzero"`
	// Message is what shows the delivery's event now, if it can be updated.
	Message *Message `json:"message,omitempty"`
}

// Reassign changes the account key and destination of a channel. It names the channel because it applies even
// if the delivery is no longer known.
type Reassign struct {
	ID          ID        `json:"id"` // of the delivery whose attempt ends
	Namespace   string    `json:"namespace"`
	Channel     string    `json:"channel"`
	AccountKey  string    `json:"accountKey,omitempty"`
	Destination string    `json:"destination,omitempty"`
	At          time.Time `json:"at"`
	Until       time.Time `json:"until"` // of the channel's pause
}

// Redrive makes dead letters due again, with no attempts counted; those that were redriven before are due at
// once. Places are their destinations, whose backoff ends.
type Redrive struct {
	At     time.Time `json:"at"`
	IDs    []ID      `json:"ids"`
	Places []Place   `json:"places,omitempty"`
}

// Wake makes deliveries of targets due: those that a credential or account failed, and, for a target
// that was replaced, all. Places are their destinations, whose backoff ends.
type Wake struct {
	At       time.Time      `json:"at"`
	Fixed    []queue.Target `json:"fixed,omitempty"`
	Replaced []queue.Target `json:"replaced,omitempty"`
	Places   []Place        `json:"places,omitempty"`
}

// Drop ends deliveries, and all deliveries of targets, whose status it forgets.
type Drop struct {
	At      time.Time      `json:"at"`
	IDs     []ID           `json:"ids,omitempty"`
	Targets []queue.Target `json:"targets,omitempty"`
	Reason  string         `json:"reason"`
}

// Put is a value of the key-value store.
type Put struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	Value  []byte `json:"value"`
}

// Kept is an event with those of its deliveries that have not ended.
type Kept struct {
	At         time.Time      `json:"at"`
	Namespace  string         `json:"namespace"`
	Event      travis.Event   `json:"event"`
	Seq        uint64         `json:"seq"`   // of the acceptance, with Index
	Index      int            `json:"index"` // its place in the order of deliveries
	Deliveries []KeptDelivery `json:"deliveries"`
}

// KeptDelivery is the state of a delivery.
type KeptDelivery struct {
	TargetIndex int            `json:"targetIndex"` // of Target in the acceptance
	Target      queue.Target   `json:"target"`
	Attempts    int            `json:"attempts,omitempty"`
	Since       time.Time      `json:"since"`
	Due         time.Time      `json:"due"`
	Last        *queue.Outcome `json:"last,omitempty"`
	Dead        bool           `json:"dead,omitempty"`
}

// Build records which events of a build a namespace has: its latest run.
type Build struct {
	Key       ID     `json:"key"` // see BuildID
	Namespace string `json:"namespace"`
	At        int64  `json:"at"` // of the last acceptance; as all times here in nanoseconds since 1970
	Started   int64  `json:"started,omitempty"`
	Finished  int64  `json:"finished,omitempty"`
	States    states `json:"states"`
}

// Status is the state of a route's channel without the counts, which are computed from the deliveries.
type Status struct {
	Target    queue.Target      `json:"target"`
	Used      time.Time         `json:"used"` // when an event was last accepted for it
	Delivered queue.LastAttempt `json:"delivered,omitzero"`
	Failure   queue.LastAttempt `json:"failure,omitzero"`
	Failures  int               `json:"failures,omitempty"`
}

// Channel is the state of a channel and of its destination.
type Channel struct {
	Namespace     string    `json:"namespace"`
	Name          string    `json:"name"`
	AccountKey    string    `json:"accountKey,omitempty"`
	Destination   string    `json:"destination,omitempty"`
	Reassignments int       `json:"reassignments,omitempty"` // since the last attempt
	Until         time.Time `json:"until,omitzero"`          // end of the pause after a reassignment
	At            time.Time `json:"at,omitzero"`             // when the pause began
	Condition     Backoff   `json:"condition,omitzero"`
}

// Condition is the state of a destination.
type Condition struct {
	Place Place `json:"place"`
	Backoff
}

// Backoff is the state of a destination after the last attempt.
type Backoff struct {
	Failing bool      `json:"failing,omitempty"`
	Until   time.Time `json:"until,omitzero"` // no attempt before
	Rest    time.Time `json:"rest,omitzero"`  // no attempt before, because of its pace
	At      time.Time `json:"at,omitzero"`    // of the outcome that set it
}

// Size is the number of bytes that the entry takes in the log; zero before Encode.
func (e *Entry) Size() int { return len(e.raw) }

// Encode prepares e for the log.
func (e *Entry) Encode() error {
	e.Version = Version
	var line bytes.Buffer
	to := json.NewEncoder(&line)
	to.SetEscapeHTML(false) // which would turn one byte into six
	if err := to.Encode(e); err != nil {
		return fmt.Errorf("encode journal entry: %w", err)
	}
	e.raw = bytes.TrimSuffix(line.Bytes(), []byte{'\n'})
	return nil
}

// Join makes one message from encoded entries.
func Join(entries []Entry) []byte {
	lines := make([][]byte, len(entries))
	for i := range entries {
		lines[i] = entries[i].raw
	}
	return bytes.Join(lines, []byte{'\n'})
}

// Split splits a message into entries. An empty message has none. An entry of a newer version is an error,
// because skipping it would lose it. An entry that cannot be decoded keeps its place and is marked unreadable.
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

// SplitOne returns one entry of a message.
func SplitOne(message []byte, index int) (Entry, error) {
	n := 0
	for line := range bytes.SplitSeq(message, []byte{'\n'}) {
		if n == index {
			e, err := decode(line)
			return e, err
		}
		n++
	}
	return Entry{}, fmt.Errorf("message has %d journal entries, and no entry %d", n, index)
}

var errNewer = errors.New("was written by a newer version of travishook")

// Unreadable returns why the entry cannot be decoded, or nil.
func (e *Entry) Unreadable() error { return e.unreadable }

// Raw returns the entry as it is in the log.
func (e *Entry) Raw() []byte { return e.raw }

func decode(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, err
	}
	if e.Version > Version {
		return Entry{}, fmt.Errorf("%w: its version is %d, and this program supports versions up to %d; start the newer version of travishook", errNewer, e.Version, Version)
	}
	if e.Version < 1 {
		return Entry{}, errors.New("has the version 0, which does not exist")
	}
	if !e.known() {
		return Entry{}, errors.New("has an unknown kind")
	}
	e.raw = line
	return e, nil
}

func (e *Entry) known() bool {
	return e.Accept != nil || e.Finish != nil || e.Settle != nil || e.Reassign != nil || e.Redrive != nil || e.Wake != nil ||
		e.Drop != nil || e.Put != nil || e.Loss != nil || e.isCarried()
}

// isCarried reports whether the entry repeats what earlier messages held.
func (e *Entry) isCarried() bool {
	return e.Kept != nil || e.Builds != nil || e.History != nil || e.Message != nil || e.Status != nil || e.Channel != nil || e.Condition != nil
}

// Event returns the event in the entry, or nil.
func (e *Entry) Event() *travis.Event {
	switch {
	case e.Accept != nil:
		return &e.Accept.Event
	case e.Kept != nil:
		return &e.Kept.Event
	}
	return nil
}
