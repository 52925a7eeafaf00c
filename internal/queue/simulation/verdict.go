package simulation

import (
	"fmt"
	"slices"
	"time"
)

// moment orders what happened: it counts the ledger's notes.
type moment int

// delivery is an event for a target, by their numbers.
type delivery struct{ event, target int }

// event is one state of a build.
type event struct {
	build int
	// promised are the targets for which it was confirmed to the sender as stored.
	promised []int
}

// target is a channel of a route.
type target struct {
	channel int
	account int  // -1 where the channel's service keeps no connection
	updates bool // later states of a build update its message
}

// attempt is one message to a channel.
type attempt struct {
	delivery
	id      string
	process int
	begin   moment
	end     moment        // zero while it is under way
	taken   moment        // when the channel took the message; zero if it did not
	at      time.Duration // of the beginning, since that of the run
	posting int           // number of the message that it sent or edited, from 1; zero for none
	edits   bool
	gone    moment // when the channel said that it does not have the message any more; zero if it did not
	// replaces is the attempt whose state an edit replaces.
	replaces int
	// answered says that the sender learned the outcome.
	answered bool
	// refused says that the channel will never take it.
	refused bool
}

// settlement is an outcome that the store has confirmed to a process.
type settlement struct {
	id      string
	process int
	ended   bool // delivered or dropped: the delivery must never be sent again
	at      moment
	time    time.Duration // since the run's beginning
}

// handout is a delivery that a process was given to send.
type handout struct {
	process int
	id      string
}

// connection is a login of an account.
type connection struct {
	account, process int
	begin, end       moment // end is zero while it lasts
}

// end is how a delivery ended, as the log says.
type end string

const (
	endedDelivered end = "delivered"
	endedDropped   end = "dropped"
	endedDead      end = "dead"
)

// history is all that happened in a run.
type history struct {
	events      []event
	targets     []target
	attempts    []attempt // in the order of their beginning
	postings    []posting
	settlements []settlement
	connections []connection
	deaths      map[int]moment
	// losses are when a process learned that another may send a delivery.
	losses map[handout]moment
	// accepted is the order in which the log has the deliveries.
	accepted map[delivery]int
	// ends are what the log says of each delivery in the end, and redriven those that were begun again.
	ends     map[delivery]end
	redriven map[delivery]bool
	// waiting and dead are what the store holds at the end.
	waiting, dead map[delivery]bool
	// damaged are those whose record was destroyed, and reported so.
	damaged map[delivery]bool
	now     moment
	ended   time.Duration // the run, since its beginning
	// receiptsLost says that a record of receipts was destroyed.
	receiptsLost bool
	// jump is how far a clock may be off.
	jump time.Duration
	// orphans are messages that show an older state at the end, because nobody knew their receipt in time. The
	// verdict counts them.
	orphans int
}

// mostFaults are how many faults of one kind are reported.
const mostFaults = 3

// check returns what was wrong in a run, nothing if all promises were kept.
func check(h *history) []string {
	j := &checker{history: h, told: map[string]int{}}
	j.promises()
	j.order()
	j.senders()
	j.logins()
	j.repetitions()
	j.edits()
	return j.faults
}

type checker struct {
	*history
	faults []string
	told   map[string]int
}

func (j *checker) fault(format string, args ...any) {
	if j.told[format]++; j.told[format] <= mostFaults {
		j.faults = append(j.faults, fmt.Sprintf(format, args...))
	}
}

// promises: what was promised has arrived, or is a dead letter, or was superseded.
func (j *checker) promises() {
	taken, refused := map[delivery]bool{}, map[delivery]bool{}
	for _, a := range j.attempts {
		taken[a.delivery] = taken[a.delivery] || a.taken > 0
		refused[a.delivery] = refused[a.delivery] || a.refused
	}
	for n := range j.events {
		for _, t := range j.events[n].promised {
			d := delivery{n, t}
			if !taken[d] && !j.damaged[d] {
				j.untaken(d)
			}
		}
	}
	for d := range j.dead {
		if !refused[d] && !j.damaged[d] {
			j.fault("%v is a dead letter, and its channel never refused it", d)
		}
	}
}

func (j *checker) untaken(d delivery) {
	switch {
	case j.dead[d]:
	case j.waiting[d]:
		j.fault("%v was not delivered though nothing has failed for long", d)
	case j.ends[d] == endedDropped && j.superseded(d):
	case j.ends[d] == endedDelivered:
		j.fault("%v is settled as delivered, and its channel never took it", d)
	default:
		j.fault("LOST: %v was promised and never delivered, and the store does not hold it (the log says %q)", d, j.ends[d])
	}
}

// superseded reports whether there is another event of the build for the target.
func (j *checker) superseded(d delivery) bool {
	for other := range j.accepted {
		if other != d && other.target == d.target && j.events[other.event].build == j.events[d.event].build {
			return true
		}
	}
	return false
}

// order: a channel receives the events of a build in the order in which they were accepted.
func (j *checker) order() {
	type line struct{ channel, build int }
	last := map[line]delivery{}
	takes := slices.DeleteFunc(slices.Clone(j.attempts), func(a attempt) bool {
		return a.taken == 0 || j.redriven[a.delivery] || j.damaged[a.delivery]
	})
	slices.SortFunc(takes, func(a, b attempt) int { return int(a.taken - b.taken) })
	for _, a := range takes {
		at := line{j.targets[a.target].channel, j.events[a.event].build}
		if before, ok := last[at]; ok && j.accepted[a.delivery] < j.accepted[before] {
			j.fault("channel %d received %v after %v of the same build, which was accepted later", at.channel, a.delivery, before)
			continue
		}
		last[at] = a.delivery
	}
}

// over is when an attempt, or a login, of a process ended: at the latest when the process died.
func (j *checker) over(process int, end moment) moment {
	if end == 0 {
		end = j.now + 1
	}
	if death, ok := j.deaths[process]; ok {
		end = min(end, death)
	}
	return end
}

// senders: one attempt at a time is made in a channel.
func (j *checker) senders() {
	under := map[int]attempt{}
	for _, a := range j.attempts {
		channel := j.targets[a.target].channel
		if before, ok := under[channel]; ok && j.over(before.process, before.end) > a.begin {
			j.fault("channel %d has two senders: process %d with %v, and process %d with %v",
				channel, before.process, before.delivery, a.process, a.delivery)
		}
		under[channel] = a
	}
}

// logins: an account is logged in once.
func (j *checker) logins() {
	under := map[int]connection{}
	for _, c := range j.connections {
		if before, ok := under[c.account]; ok && j.over(before.process, before.end) > c.begin {
			j.fault("account %d is logged in twice, by process %d and process %d", c.account, before.process, c.process)
		}
		under[c.account] = c
	}
}

// repetitions: a message that a channel accepted is sent again only if no process could know that.
func (j *checker) repetitions() {
	confirmed := j.confirmed()
	type sent struct { // a delivery may edit several messages
		delivery
		edited int
	}
	last, gone := map[sent]attempt{}, map[handout]moment{}
	for _, a := range j.attempts {
		if a.gone > 0 {
			gone[handout{a.process, a.id}] = a.gone
		}
		to := sent{delivery: a.delivery}
		if a.edits {
			to.edited = a.posting
		}
		before, ok := last[to]
		end, known := confirmed[a.id]
		switch {
		case ok && a.edits && before.end < gone[handout{a.process, a.id}]:
			// A copy is edited once more when it takes the place of a message that is gone.
		case ok:
			j.repetition(before, a, confirmed)
		case known && !j.damaged[a.delivery] && end.at <= a.begin && !j.lost(end.process, a.id, a.begin):
			j.fault("%v is sent by process %d after the store had confirmed its end to process %d", a.delivery, a.process, end.process)
		}
		if a.taken > 0 {
			last[to] = a
		}
	}
}

// confirmed are the first settlements that ended a delivery, by its id.
func (j *checker) confirmed() map[string]settlement {
	first := map[string]settlement{}
	for _, s := range j.settlements {
		if _, ok := first[s.id]; s.ended && !ok {
			first[s.id] = s
		}
	}
	return first
}

func (j *checker) repetition(before, again attempt, confirmed map[string]settlement) {
	s, ok := confirmed[again.id]
	death, died := j.deaths[before.process]
	switch {
	case before.id != again.id:
		j.fault("%v is sent with two ids, %s and %s", again.delivery, before.id, again.id)
	case j.redriven[again.delivery] || j.damaged[again.delivery]:
	case ok && s.at <= again.begin && !j.lost(s.process, again.id, again.begin):
		j.fault("%v is sent again by process %d after the store had confirmed to process %d that it ended", again.delivery, again.process, s.process)
	case !before.answered:
	case died && death <= again.begin:
	case j.lost(before.process, again.id, again.begin) && before.process != again.process:
	default:
		j.fault("%v is sent again by process %d, though process %d had an answer and lives", again.delivery, again.process, before.process)
	}
}

// lost reports whether the process knew at that moment that the delivery may be another's.
func (j *checker) lost(process int, id string, at moment) bool {
	lost, ok := j.losses[handout{process, id}]
	return ok && lost <= at
}
