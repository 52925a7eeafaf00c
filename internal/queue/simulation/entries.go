package simulation

import (
	"fmt"
	"slices"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// appended notes what the log says. It reads the entries as a replica does, and draws its own
// conclusions: in which order deliveries were accepted, and how they ended.
func (l *ledger) appended(seq uint64, data []byte) {
	entries, err := journal.Split(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.faults = append(l.faults, fmt.Sprintf("message %d of the log is not a journal's: %v", seq, err))
		return
	}
	for i := range entries {
		l.entry(&entries[i])
	}
}

func (l *ledger) entry(e *journal.Entry) {
	switch {
	case e.Accept != nil:
		l.accept(e.Accept)
	case e.Settle != nil:
		l.settle(e.Settle)
	case e.Reassign != nil:
		l.counts.Reassignments++
	case e.Redrive != nil:
		for _, id := range e.Redrive.IDs {
			if d, ok := l.byID[id.String()]; ok && l.h.ends[d] == endedDead {
				l.counts.Redriven++
				l.h.redriven[d] = true
				delete(l.h.ends, d)
			}
		}
	case e.Wake != nil:
		l.wake(e.Wake)
	case e.Drop != nil:
		for d := range l.h.accepted {
			if end := l.h.ends[d]; l.isTarget(d, e.Drop.Targets) && (end == "" || end == endedDead) {
				l.h.ends[d] = endedDropped
			}
		}
	}
}

// wake begins the dead letters of the targets again that a credential was at fault for.
func (l *ledger) wake(w *journal.Wake) {
	targets := append(slices.Clone(w.Fixed), w.Replaced...)
	for d, end := range l.h.ends {
		if end == endedDead && l.credential[d] && l.isTarget(d, targets) {
			l.counts.Redriven++
			l.h.redriven[d] = true
			delete(l.h.ends, d)
		}
	}
}

func (l *ledger) isTarget(d delivery, targets []queue.Target) bool {
	return slices.ContainsFunc(targets, func(t queue.Target) bool {
		known := l.targets[d.target]
		return known.Namespace == t.Namespace && known.Route == t.Route && known.Account == t.Account && known.Address == t.Address
	})
}

func (l *ledger) accept(a *journal.Accept) {
	event, seen := journal.EventID(&a.Event), journal.SeenID(journal.BuildID(&a.Event), a.Namespace)
	for i := range a.Targets {
		d, ok := l.byID[journal.DeliveryID(event, &a.Targets[i]).String()]
		if !ok {
			l.faults = append(l.faults, fmt.Sprintf("the log has a delivery of build %d that was never posted", a.Event.Build.ID))
			continue
		}
		if _, again := l.h.accepted[d]; again && !l.h.damaged[d] {
			l.faults = append(l.faults, fmt.Sprintf("%v is accepted twice", d))
		}
		l.seen[seen] = append(l.seen[seen], d)
		l.stored++
		l.h.accepted[d] = l.stored
	}
}

// settle: the first end counts, and a dead letter is over when it was delivered or dropped after all.
func (l *ledger) settle(s *journal.Settle) {
	d, ok := l.byID[s.ID.String()]
	if !ok || l.h.ends[d] != "" && l.h.ends[d] != endedDead {
		return
	}
	switch s.Outcome.Kind {
	case queue.Delivered:
		l.h.ends[d] = endedDelivered
	case queue.Dropped:
		l.h.ends[d] = endedDropped
	case queue.Dead:
		l.h.ends[d], l.credential[d] = endedDead, s.Outcome.Credential
	}
}
