package simulation

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// ledger records everything when it happens, for the verdict.
type ledger struct {
	began        time.Time
	mu           sync.Mutex
	h            history
	faults       []string // seen at once
	byID         map[string]delivery
	seen         map[journal.ID][]delivery // by what the store remembers of them
	lostMessages int
	// credential says that a credential was at fault for a dead letter.
	credential map[delivery]bool
	targets    []queue.Target
	lostNotes  bool
	// counts are for the summary of a run.
	counts counts
	stored int // entries that accept deliveries
}

// counts say how much a run has tried.
type counts struct {
	Events, Promised, Attempts, Taken, Crashes, Stops, Conflicts, Unanswered, Trims, Reassignments, Losses, Redriven int
	// Edits of messages, those that were Gone, and those that show an older state at the end.
	Edits, Gone, Orphans int
}

func (c *counts) add(o counts) {
	c.Events += o.Events
	c.Promised += o.Promised
	c.Attempts += o.Attempts
	c.Taken += o.Taken
	c.Crashes += o.Crashes
	c.Stops += o.Stops
	c.Conflicts += o.Conflicts
	c.Unanswered += o.Unanswered
	c.Trims += o.Trims
	c.Reassignments += o.Reassignments
	c.Losses += o.Losses
	c.Redriven += o.Redriven
	c.Edits += o.Edits
	c.Gone += o.Gone
	c.Orphans += o.Orphans
}

func newLedger() *ledger {
	return &ledger{
		began: time.Now(),
		byID:  map[string]delivery{}, seen: map[journal.ID][]delivery{}, credential: map[delivery]bool{},
		h: history{
			deaths: map[int]moment{}, losses: map[handout]moment{}, accepted: map[delivery]int{},
			ends: map[delivery]end{}, redriven: map[delivery]bool{},
			waiting: map[delivery]bool{}, dead: map[delivery]bool{}, damaged: map[delivery]bool{},
		},
	}
}

// now counts on. The caller holds the lock.
func (l *ledger) now() moment {
	l.h.now++
	return l.h.now
}

func (l *ledger) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) < 10 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

func (l *ledger) count(add func(*counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add(&l.counts)
}

// posted notes an event and its deliveries before it is posted for the first time.
func (l *ledger) posted(n, build int, ids map[int]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.h.events) <= n {
		l.h.events = append(l.h.events, event{build: -1})
	}
	l.h.events[n].build = build
	l.counts.Events++
	for t, id := range ids {
		l.byID[id] = delivery{n, t}
	}
}

// promised records that the event was confirmed to the sender as stored for these targets.
func (l *ledger) promised(n int, targets []int, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range targets {
		if slices.Contains(l.h.events[n].promised, t) {
			continue
		}
		if _, ok := l.h.accepted[delivery{n, t}]; !ok && how == "seen" && l.later(delivery{n, t}) {
			continue // older than what is stored of the build
		} else if !ok {
			l.faults = append(l.faults, fmt.Sprintf("event %d was answered as %s for target %d, and the log does not have it", n, how, t))
		}
		l.counts.Promised++
		l.h.events[n].promised = append(l.h.events[n].promised, t)
	}
}

// later reports whether the log has another event of the build for the target.
func (l *ledger) later(d delivery) bool {
	j := checker{history: &l.h}
	return j.superseded(d)
}

// begin notes the beginning of an attempt, and returns its number.
func (l *ledger) begin(process int, id string, d delivery) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.byID[id]; !ok || known != d {
		l.faults = append(l.faults, fmt.Sprintf("a message has the id %s and the content of %v", id, d))
	}
	l.counts.Attempts++
	l.h.attempts = append(l.h.attempts, attempt{delivery: d, id: id, process: process, begin: l.now(), at: time.Since(l.began)})
	return len(l.h.attempts) - 1
}

// end records that the sender continues.
func (l *ledger) end(n int, answered, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.h.attempts[n]
	a.end, a.answered, a.refused = l.now(), answered, refused
}

func (l *ledger) settled(process int, id string, o queue.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.settlements = append(l.h.settlements, settlement{
		id: id, process: process, ended: o.Kind == queue.Delivered || o.Kind == queue.Dropped, at: l.now(), time: time.Since(l.began),
	})
}

func (l *ledger) died(process int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.deaths[process] = l.now()
}

// lost notes that a process knows that a delivery may be another's, or has given up storing its outcome.
func (l *ledger) lost(process int, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.h.losses[handout{process, id}]; !ok {
		l.counts.Losses++
		l.h.losses[handout{process, id}] = l.now()
	}
}

func (l *ledger) loggedIn(account, process int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.connections = append(l.h.connections, connection{account: account, process: process, begin: l.now()})
	return len(l.h.connections) - 1
}

func (l *ledger) loggedOut(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.connections[n].end = l.now()
}

// kept notes what the store holds at the end.
func (l *ledger) kept(summaries []queue.Summary) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range summaries {
		d, ok := l.byID[summaries[i].ID]
		switch {
		case !ok:
			l.faults = append(l.faults, fmt.Sprintf("the store has the delivery %s, which was never posted", summaries[i].ID))
		case summaries[i].State == queue.DeadLetter:
			l.h.dead[d] = true
		default:
			l.h.waiting[d] = true
		}
		if e := l.h.ends[d]; ok && !l.h.damaged[d] && (e == endedDelivered || e == endedDropped) {
			l.faults = append(l.faults, fmt.Sprintf("the store holds %v, which the log says was %s", d, e))
		}
	}
}

// check returns the verdict.
func (l *ledger) check() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.h.ended = time.Since(l.began)
	faults := append(slices.Clone(l.faults), check(&l.h)...)
	l.counts.Orphans = l.h.orphans
	return faults
}

// promisesOf are the targets that an event was promised for.
func (l *ledger) promisesOf(n int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n >= len(l.h.events) {
		return nil
	}
	return slices.Clone(l.h.events[n].promised)
}

// destroyed notes what was in a message that is lost. Nothing is expected any more of the deliveries that
// it named.
func (l *ledger) destroyed(data []byte) {
	entries, err := journal.Split(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.faults = append(l.faults, err.Error())
		return
	}
	l.lostMessages++
	for i := range entries {
		l.lostNotes = l.lostNotes || entries[i].Loss != nil
		l.h.receiptsLost = l.h.receiptsLost || entries[i].Message != nil
		for _, d := range l.mentioned(&entries[i]) {
			l.h.damaged[d] = true
		}
	}
}

// mentioned are the deliveries that an entry names.
func (l *ledger) mentioned(e *journal.Entry) (all []delivery) {
	var ids []journal.ID
	switch {
	case e.Accept != nil:
		all = l.seen[journal.SeenID(journal.BuildID(&e.Accept.Event), e.Accept.Namespace)]
	case e.Kept != nil:
		event := journal.EventID(&e.Kept.Event)
		for i := range e.Kept.Deliveries {
			ids = append(ids, journal.DeliveryID(event, &e.Kept.Deliveries[i].Target))
		}
	case e.Settle != nil:
		ids = []journal.ID{e.Settle.ID}
	case e.Redrive != nil:
		ids = e.Redrive.IDs
	case e.Wake != nil:
		targets := append(slices.Clone(e.Wake.Fixed), e.Wake.Replaced...)
		for d := range l.h.accepted {
			if l.isTarget(d, targets) {
				all = append(all, d)
			}
		}
	}
	for i := range e.Builds {
		all = append(all, l.seen[e.Builds[i].Key]...)
	}
	for _, id := range ids {
		if d, ok := l.byID[id.String()]; ok {
			all = append(all, d)
		}
	}
	return all
}

// lossesReported compares what the store says that it has lost with what it has. Where the message is lost,
// too, that a loss was noted in, the store may know less, or have noted it again.
func (l *ledger) lossesReported(losses []queue.Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reported := uint64(0)
	for i := range losses {
		reported += losses[i].Messages
	}
	lost := uint64(l.lostMessages)
	if !l.lostNotes && (reported < lost || lost == 0 && reported > 0) {
		l.faults = append(l.faults, fmt.Sprintf("%d messages of the log are lost, and the store reports %d: %+v", l.lostMessages, reported, losses))
	}
}

func (l *ledger) isDamaged(event, target int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.h.damaged[delivery{event, target}]
}
