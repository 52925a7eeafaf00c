package main

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/soak/victim"
)

// event is one state of a build, that a webhook tells of.
type event struct {
	serial int
	team   int
	build  int64
	place  int // among the states of its build
	// promised says that it was answered 202, or 204 as one that had been stored before.
	promised bool
}

// delivery is an event for a room.
type delivery struct{ serial, room int }

// line is a build's events for a room: what must come in order.
type line struct {
	build int64
	room  int
}

// take is a message that a room took.
type take struct {
	delivery
	generation int // of the victim that sent it
	id         string
	// unanswered says that the room never answered.
	unanswered bool
}

// moment is the ledger's time: how many messages the rooms had taken.
type moment int

// settled is an outcome that the store has answered for, to a victim.
type settled struct {
	generation int
	kind       queue.Kind
	at         moment
}

// attempt is a victim's for a delivery.
type attempt struct {
	generation int
	id         string
}

// ledger is where everybody writes down what they saw, at the moment in which they saw it.
type ledger struct {
	roomsOf func(team int) []int

	mu      sync.Mutex
	events  []*event
	takes   []take
	refused map[delivery]bool // a room said that it will never take it
	dropped map[delivery]bool // the store said that a newer state of the build goes instead
	// settled are the outcomes that ended a delivery, by its id, once the store has answered.
	settled map[string]settled
	deaths  map[int]moment     // of the victims, by their generations
	handed  map[attempt]moment // when another replica could send what this one had begun
	places  map[line]int       // how many of a build's events have reached their end
	posted  []int              // events for a room
	ended   []int              // of these, that reached their end
	faults  []string           // seen at once
	counts  counts
}

// counts are of what the client was answered.
type counts struct {
	Posts, Stored, Seen, Unavailable, Unanswered int
}

func newLedger(rooms int, roomsOf func(int) []int) *ledger {
	return &ledger{
		roomsOf: roomsOf,
		refused: map[delivery]bool{}, dropped: map[delivery]bool{}, settled: map[string]settled{}, places: map[line]int{},
		deaths: map[int]moment{}, handed: map[attempt]moment{},
		posted: make([]int, rooms), ended: make([]int, rooms),
	}
}

// post notes an event before it is posted for the first time.
func (l *ledger) post(team int, build int64, place int) *event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &event{serial: len(l.events), team: team, build: build, place: place}
	l.events = append(l.events, e)
	for _, room := range l.roomsOf(team) {
		l.posted[room]++
	}
	return e
}

// size is how many events there are.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// promise notes that an event is said to be stored.
func (l *ledger) promise(e *event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.promised = true
}

func (l *ledger) count(add func(*counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add(&l.counts)
}

// fault notes what must not be.
func (l *ledger) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// take notes a message in a room, or what is wrong with it.
func (l *ledger) take(t take) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.known(t.delivery)
	if !ok {
		return
	}
	l.takes = append(l.takes, t)
	l.end(e, t.room)
}

// refuse notes that a room will never take a message.
func (l *ledger) refuse(d delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.known(d); ok {
		l.refused[d] = true
		l.end(e, d.room)
	}
}

func (l *ledger) known(d delivery) (*event, bool) {
	if d.serial < 0 || d.serial >= len(l.events) || !slices.Contains(l.roomsOf(l.events[d.serial].team), d.room) {
		l.faults = append(l.faults, fmt.Sprintf("room %d got event %d, which is not its own", d.room, d.serial))
		return nil, false
	}
	return l.events[d.serial], true
}

// end counts an event, and those of its build before it: they never come after it.
func (l *ledger) end(e *event, room int) {
	at := line{e.build, room}
	if more := e.place + 1 - l.places[at]; more > 0 {
		l.places[at] += more
		l.ended[room] += more
	}
}

// settle notes that the store has answered for an outcome.
func (l *ledger) settle(generation int, o victim.Settled) {
	if o.Kind == queue.Retry {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, again := l.settled[o.ID]; !again {
		l.settled[o.ID] = settled{generation, o.Kind, l.now()}
	}
	if o.Kind == queue.Dropped && o.Build != "" {
		d, err := parseDelivery(o.Build, o.Address)
		if err != nil {
			l.faults = append(l.faults, fmt.Sprintf("the store dropped what nobody posted: %v", err))
			return
		}
		if e, ok := l.known(d); ok {
			l.dropped[d] = true
			l.end(e, d.room)
		}
	}
}

// now is the present moment. The caller holds the lock.
func (l *ledger) now() moment { return moment(len(l.takes)) }

// bury notes that a victim is dead, and that all it said was heard.
func (l *ledger) bury(generation int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaths[generation] = l.now()
}

// lose notes that another replica may send a delivery from now on.
func (l *ledger) lose(generation int, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := attempt{generation, id}
	if _, before := l.handed[a]; !before {
		l.handed[a] = l.now()
	}
}

// parseDelivery reads how the store names a delivery.
func parseDelivery(build, address string) (d delivery, err error) {
	if d.room, err = victim.RoomOf(address); err != nil {
		return d, err
	}
	d.serial, err = strconv.Atoi(build)
	return d, err
}

// backlog is how many events wait for the slowest room of a team.
func (l *ledger) backlog(team int) (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range l.roomsOf(team) {
		most = max(most, l.posted[room]-l.ended[room])
	}
	return most
}

// outstanding is how many deliveries have not reached their end.
func (l *ledger) outstanding() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for room := range l.posted {
		n += l.posted[room] - l.ended[room]
	}
	return n
}
