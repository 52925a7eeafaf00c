package main

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/soak/victim"
)

// event is one state of a build, as in a webhook.
type event struct {
	serial int
	team   int
	build  int64
	place  int // among the states of its build
	// promised says that it was answered 202, or 204 as one that had been stored before.
	promised bool
}

// delivery is an event for a channel.
type delivery struct{ serial, channel int }

// line is a build's events for a channel: what must come in order.
type line struct {
	build   int64
	channel int
}

// take is a message that a channel accepted.
type take struct {
	delivery
	generation int // of the victim that sent it
	id         string
	message    string // the key of what shows the build: the id of its first event, unless that was forgotten
	// unanswered is set if the channel did not answer.
	unanswered bool
}

// moment is the ledger's time: the number of accepted messages so far.
type moment int

// settled is an outcome whose storing was confirmed to a victim.
type settled struct {
	generation int
	kind       queue.Kind
	at         moment
}

// attempt is a victim's attempt at a delivery.
type attempt struct {
	generation int
	id         string
}

// ledger records what every part of the run observed, in order.
type ledger struct {
	channelsOf func(team int) []int

	mu      sync.Mutex
	events  []*event
	takes   []take
	refused map[delivery]bool // rejected by its channel for good
	dropped map[delivery]bool // superseded by a newer state of the build
	// settled are the confirmed outcomes that ended a delivery, by its id.
	settled map[string]settled
	deaths  map[int]moment     // of the victims, by their generations
	handed  map[attempt]moment // when the lease was lost during the attempt
	places  map[line]int       // how many of a build's events have reached their end
	posted  []int              // events for a channel
	ended   []int              // of these, that reached their end
	faults  []string           // found during the run
	counts  counts
}

// counts counts the answers to the client.
type counts struct {
	Posts, Stored, Seen, Unavailable, Unanswered int
}

func newLedger(channels int, channelsOf func(int) []int) *ledger {
	return &ledger{
		channelsOf: channelsOf,
		refused:    map[delivery]bool{}, dropped: map[delivery]bool{}, settled: map[string]settled{}, places: map[line]int{},
		deaths: map[int]moment{}, handed: map[attempt]moment{},
		posted: make([]int, channels), ended: make([]int, channels),
	}
}

// post records an event before it is posted for the first time.
func (l *ledger) post(team int, build int64, place int) *event {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &event{serial: len(l.events), team: team, build: build, place: place}
	l.events = append(l.events, e)
	for _, channel := range l.channelsOf(team) {
		l.posted[channel]++
	}
	return e
}

// size returns the number of events.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

// promise records that the receiver confirmed an event as stored.
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

// fault records a violation.
func (l *ledger) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

// take records a message in a channel, or a violation.
func (l *ledger) take(t take) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.known(t.delivery)
	if !ok {
		return
	}
	l.takes = append(l.takes, t)
	l.end(e, t.channel)
}

// refuse records that a channel rejected a message for good.
func (l *ledger) refuse(d delivery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.known(d); ok {
		l.refused[d] = true
		l.end(e, d.channel)
	}
}

func (l *ledger) known(d delivery) (*event, bool) {
	if d.serial < 0 || d.serial >= len(l.events) || !slices.Contains(l.channelsOf(l.events[d.serial].team), d.channel) {
		l.faults = append(l.faults, fmt.Sprintf("channel %d got event %d, which is not its own", d.channel, d.serial))
		return nil, false
	}
	return l.events[d.serial], true
}

// end counts an event as ended, and the earlier events of its build, which are never sent after it.
func (l *ledger) end(e *event, channel int) {
	at := line{e.build, channel}
	if more := e.place + 1 - l.places[at]; more > 0 {
		l.places[at] += more
		l.ended[channel] += more
	}
}

// settle records a confirmed outcome.
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
			l.faults = append(l.faults, fmt.Sprintf("the store dropped a delivery that was never posted: %v", err))
			return
		}
		if e, ok := l.known(d); ok {
			l.dropped[d] = true
			l.end(e, d.channel)
		}
	}
}

// now is the present moment. The caller holds the lock.
func (l *ledger) now() moment { return moment(len(l.takes)) }

// died records that a victim is dead and that its output was read to the end.
func (l *ledger) died(generation int) {
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
	if d.channel, err = victim.ChannelOf(address); err != nil {
		return d, err
	}
	d.serial, err = strconv.Atoi(build)
	return d, err
}

// backlog is how many events wait for the slowest channel of a team.
func (l *ledger) backlog(team int) (most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, channel := range l.channelsOf(team) {
		most = max(most, l.posted[channel]-l.ended[channel])
	}
	return most
}

// outstanding is how many deliveries have not reached their end.
func (l *ledger) outstanding() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for channel := range l.posted {
		n += l.posted[channel] - l.ended[channel]
	}
	return n
}
