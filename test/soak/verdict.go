package main

import (
	"fmt"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/soak/victim"
)

// verdict is the result of a run.
type verdict struct {
	Run                    string // what the run was like
	Victims, Kills, Unborn int    // unborn: killed before it took webhooks
	Servers                int    // of the store's cluster, killed
	Outages                int    // times two or more of them were killed at once
	Barred                 int    // victims that ended while they started, for the cluster did not answer
	Counts                 counts
	Events, Promised       int
	Deliveries             int // of what was promised, to every channel
	Delivered              int // of these, at least once
	Superseded             int // dropped for a newer state of the build
	Unsaid                 int // of these, where that is known only by the newer one: the victim died
	Dead                   int // refused for good by the channel: kept, and shown with the reason
	Waiting                int // kept, and without an end when the patience was over
	Lost                   int // none of that
	Repeated               repeated
	Disordered             int
	Edited                 int // messages that showed a newer state of their build
	Orphans                int // messages that show an older state in the end, as their answer or outcome was lost
	Forgotten              int // outcomes that the store had answered for, and did not have in the end
	// Faults are lines that say what was wrong.
	Faults []string
}

// repeated are messages that a channel took once more, by what became of the answer before it.
type repeated struct {
	ByChannel   int // the channel gave none
	ByDeath     int // the victim died before the store had its outcome
	ByLease     int // the victim's lease ran out before the store had its outcome
	Unexplained int // it was there, and its outcome was stored: this must not be
}

// right says whether every promise was kept.
func (v *verdict) right() bool { return len(v.Faults) == 0 }

// mostFaults are how many lines one kind of fault may fill.
const mostFaults = 5

// check compares what was promised with what the channels received and what the store keeps.
func check(l *ledger, kept []queue.Summary) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := verdict{Counts: l.counts, Events: len(l.events), Faults: l.faults}
	j := &checker{verdict: &v, ledger: l, takes: map[delivery][]taken{}, kept: map[delivery]queue.Summary{}, last: map[line]int{}}
	for i, t := range l.takes {
		j.takes[t.delivery] = append(j.takes[t.delivery], taken{t, moment(i)})
	}
	for _, s := range kept {
		j.keep(s)
	}
	j.order()
	j.repetitions()
	j.edits()
	j.promises()
	if v.Promised == 0 {
		j.fault("nothing was promised: the run shows nothing")
	}
	return v
}

type checker struct {
	*verdict
	ledger *ledger
	takes  map[delivery][]taken
	kept   map[delivery]queue.Summary
	// last is the place of a build's last event that a channel took or the store keeps.
	last map[line]int
	told map[string]int
}

// taken is a take with its moment.
type taken struct {
	take
	at moment
}

// fault adds a line, unless there are enough of its kind.
func (j *checker) fault(format string, args ...any) {
	if j.told == nil {
		j.told = map[string]int{}
	}
	if j.told[format]++; j.told[format] <= mostFaults {
		j.Faults = append(j.Faults, fmt.Sprintf(format, args...))
	}
}

// keep notes what the store keeps, and that it keeps nothing whose end it has answered for.
func (j *checker) keep(s queue.Summary) {
	d, err := parseDelivery(s.Build, s.Target.Address)
	if err != nil {
		j.fault("the store keeps a delivery that was never posted: %v", err)
		return
	}
	j.kept[d] = s
	e, ok := j.ledger.known(d)
	if !ok {
		return
	}
	at := line{e.build, d.channel}
	j.last[at] = max(j.last[at], e.place)
	if o, ok := j.ledger.settled[s.ID]; ok && o.kind != queue.Dead {
		j.Forgotten++
		j.fault("event %d for channel %d is in the store after it had answered for its outcome", d.serial, d.channel)
	}
}

// order looks whether a channel got an event after one that came later in the same build.
func (j *checker) order() {
	last := map[line]int{}
	for _, t := range j.ledger.takes {
		e := j.ledger.events[t.serial]
		at := line{e.build, t.channel}
		if e.place < last[at] {
			j.Disordered++
			j.fault("channel %d took state %d of build %d after state %d", t.channel, e.place, e.build, last[at])
			continue
		}
		last[at] = e.place
		j.last[at] = max(j.last[at], e.place)
	}
}

// repetitions looks why channels took a message again.
func (j *checker) repetitions() {
	for d, takes := range j.takes {
		for i := 1; i < len(takes); i++ {
			j.repetition(d, takes[i-1], takes[i])
		}
	}
}

func (j *checker) repetition(d delivery, before, again taken) {
	settled, wasSettled := j.ledger.settled[before.id]
	switch {
	case before.id != again.id:
		j.fault("event %d came to channel %d with two keys, %s and %s", d.serial, d.channel, before.id, again.id)
	case wasSettled && settled.at <= again.at && !j.handedOver(settled.generation, again):
		j.Repeated.Unexplained++
		j.fault("event %d came to channel %d again, from victim %d after victim %d, after the store had answered victim %d for its outcome",
			d.serial, d.channel, again.generation, before.generation, settled.generation)
	case before.unanswered:
		j.Repeated.ByChannel++
	case j.dead(before.generation, again):
		j.Repeated.ByDeath++
	case j.handedOver(before.generation, again):
		j.Repeated.ByLease++
	default:
		j.Repeated.Unexplained++
		j.fault("event %d came to channel %d again, from victim %d after victim %d, which had an answer and lived",
			d.serial, d.channel, again.generation, before.generation)
	}
}

// dead says whether a victim was, when a message was taken.
func (j *checker) dead(generation int, then taken) bool {
	at, died := j.ledger.deaths[generation]
	return died && at <= then.at
}

// handedOver says whether a victim knew, when a message was taken, that it was another's to send: its
// lease had run out before the store had answered.
func (j *checker) handedOver(generation int, then taken) bool {
	at, over := j.ledger.handed[attempt{generation, then.id}]
	return over && at <= then.at
}

// promises looks what became of what was promised.
func (j *checker) promises() {
	for _, e := range j.ledger.events {
		if !e.promised {
			j.fault("event %d had no answer when the patience was over", e.serial)
			continue
		}
		j.Promised++
		for _, channel := range j.ledger.channelsOf(e.team) {
			j.Deliveries++
			j.promise(e, channel)
		}
	}
}

func (j *checker) promise(e *event, channel int) {
	d := delivery{e.serial, channel}
	kept, isKept := j.kept[d]
	switch {
	case isKept && kept.State == queue.DeadLetter:
		j.Dead++
		if !j.ledger.refused[d] {
			j.fault("event %d for channel %d is dead, and the channel never refused it", e.serial, channel)
		}
	case len(j.takes[d]) > 0:
		j.Delivered++
	case isKept:
		j.Waiting++
		j.fault("event %d for channel %d was not delivered while there was patience", e.serial, channel)
	case behaviorOf(channel).sound() && !(victim.Tenants{}).Edits(e.team):
		j.lost(e, channel) // nothing is late there, and so nothing can be overtaken
	case j.ledger.dropped[d]:
		j.Superseded++
	case j.last[line{e.build, channel}] > e.place:
		j.Superseded++
		j.Unsaid++
	default:
		j.lost(e, channel)
	}
}

func (j *checker) lost(e *event, channel int) {
	j.Lost++
	j.fault("LOST: event %d for channel %d (%s) was promised, never came, and is not in the store",
		e.serial, channel, behaviorOf(channel).name)
}
