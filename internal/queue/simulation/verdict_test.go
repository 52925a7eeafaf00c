package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// delivered is a history in which two states of a build are delivered to one channel, by process 1.
func delivered() *history {
	first, second := delivery{0, 0}, delivery{1, 0}
	return &history{
		events:  []event{{build: 7, promised: []int{0}}, {build: 7, promised: []int{0}}},
		targets: []target{{channel: 0, account: 0}},
		attempts: []attempt{
			{delivery: first, id: "a", process: 1, begin: 10, taken: 11, end: 12, answered: true},
			{delivery: second, id: "b", process: 1, begin: 20, taken: 21, end: 22, answered: true},
		},
		settlements: []settlement{{"a", 1, true, 13, 0}, {"b", 1, true, 23, 0}},
		deaths:      map[int]moment{}, losses: map[handout]moment{},
		accepted: map[delivery]int{first: 1, second: 2},
		ends:     map[delivery]end{first: endedDelivered, second: endedDelivered},
		redriven: map[delivery]bool{}, waiting: map[delivery]bool{}, dead: map[delivery]bool{}, damaged: map[delivery]bool{},
		now: 100,
	}
}

// again is the first delivery, sent once more by process 2.
func again(h *history) {
	a := h.attempts[0]
	a.process, a.begin, a.taken, a.end = 2, 15, 16, 17
	h.attempts = []attempt{h.attempts[0], a, h.attempts[1]}
}

func TestVerdict(t *testing.T) {
	first := delivery{0, 0}
	tests := map[string]struct {
		change func(h *history)
		fault  string // empty for none
	}{
		"all is delivered": {func(*history) {}, ""},
		"a delivery is lost": {func(h *history) {
			h.attempts, h.ends = h.attempts[1:], map[delivery]end{}
		}, "LOST"},
		"a lost delivery was never promised": {func(h *history) {
			h.attempts, h.ends, h.events[0].promised = h.attempts[1:], map[delivery]end{}, nil
		}, ""},
		"a lost delivery's record was destroyed": {func(h *history) {
			h.attempts, h.ends, h.damaged[first] = h.attempts[1:], map[delivery]end{}, true
		}, ""},
		"a delivery still waits": {func(h *history) {
			h.attempts, h.waiting[first] = h.attempts[1:], true
		}, "was not delivered though nothing has failed"},
		"a delivery is superseded": {func(h *history) {
			h.attempts, h.ends[first] = h.attempts[1:], endedDropped
		}, ""},
		"a delivery is dropped for nothing": {func(h *history) {
			h.attempts, h.ends[first] = h.attempts[1:], endedDropped
			h.events[1].build = 8
		}, "LOST"},
		"a delivery is settled and was never sent": {func(h *history) { h.attempts = h.attempts[1:] }, "its channel never took it"},
		"a refused delivery is a dead letter": {func(h *history) {
			h.attempts[0].taken, h.attempts[0].refused, h.dead[first], h.ends[first] = 0, true, true, endedDead
			h.settlements = h.settlements[1:]
		}, ""},
		"a dead letter was never refused": {func(h *history) {
			h.attempts[0].taken, h.dead[first] = 0, true
		}, "never refused it"},
		"states of a build come in the wrong order": {func(h *history) {
			h.accepted[first] = 3
		}, "of the same build, which was accepted later"},
		"a redriven delivery comes late": {func(h *history) {
			h.accepted[first], h.redriven[delivery{1, 0}] = 3, true
		}, ""},
		"two processes send in one channel": {func(h *history) {
			h.attempts[0].end, h.attempts[1].process = 30, 2
		}, "two senders"},
		"a process dies and another sends": {func(h *history) {
			h.attempts[0].end, h.attempts[1].process, h.deaths[1] = 0, 2, 14
		}, ""},
		"an account is logged in twice": {func(h *history) {
			h.connections = []connection{{0, 1, 10, 40}, {0, 2, 30, 50}}
		}, "logged in twice"},
		"an account is logged in by one after the other": {func(h *history) {
			h.connections = []connection{{0, 1, 10, 20}, {0, 2, 30, 0}, {1, 1, 12, 0}}
		}, ""},
		"a message is sent again for nothing": {func(h *history) {
			again(h)
			h.settlements = h.settlements[1:]
		}, "had an answer and lives"},
		"a message is sent again after its end was confirmed": {again, "after the store had confirmed to process 1"},
		"a message is sent again after its answer was lost": {func(h *history) {
			again(h)
			h.attempts[0].answered, h.settlements = false, h.settlements[1:]
		}, ""},
		"a message is sent again after a crash": {func(h *history) {
			again(h)
			h.deaths[1], h.settlements = 14, nil
			h.attempts[2].process = 2
		}, ""},
		"a message is sent again before a crash": {func(h *history) {
			again(h)
			h.deaths[1], h.settlements = 50, nil
		}, "had an answer and lives"},
		"a message is sent again after a lease was lost": {func(h *history) {
			again(h)
			h.losses[handout{1, "a"}] = 14
			h.settlements = h.settlements[1:]
		}, ""},
		"a message is sent again by the process that had the answer, after its lease was lost": {func(h *history) {
			again(h)
			h.losses[handout{1, "a"}], h.attempts[1].process = 14, 1
			h.settlements = h.settlements[1:]
		}, "had an answer and lives"},
		"a copy is edited again, in place of a message that is gone": {func(h *history) {
			again(h)
			h.attempts[0].edits, h.attempts[1].edits, h.settlements = true, true, h.settlements[1:]
			h.attempts[1].process, h.attempts[1].begin = 1, 16
			h.attempts[0].posting, h.attempts[1].posting = 1, 1
			gone := h.attempts[1]
			gone.begin, gone.taken, gone.gone, gone.end, gone.edits = 13, 0, 14, 15, false
			h.attempts = slices.Insert(h.attempts, 1, gone)
		}, ""},
		"a copy is edited again for nothing": {func(h *history) {
			again(h)
			h.attempts[0].edits, h.attempts[1].edits, h.settlements = true, true, h.settlements[1:]
		}, "had an answer and lives"},
		"a message has two ids": {func(h *history) {
			again(h)
			h.attempts[1].id = "c"
		}, "two ids"},
		"a message is sent after it was dropped": {func(h *history) {
			h.settlements[0].at = 5
		}, "after the store had confirmed its end"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := delivered()
			test.change(h)
			faults := strings.Join(check(h), "\n")
			if (faults == "") != (test.fault == "") || !strings.Contains(faults, test.fault) {
				t.Errorf("faults: %q, want %q", faults, test.fault)
			}
		})
	}
}

// edited is delivered, with one message that the second state edits.
func edited() *history {
	h := delivered()
	h.targets[0].updates = true
	h.postings = []posting{{build: 7, account: "chat", shows: delivery{1, 0}}}
	h.attempts[0].posting, h.attempts[1].posting, h.attempts[1].edits = 1, 1, true
	h.attempts[1].at, h.ended = time.Hour, 2*time.Hour
	return h
}

// anew is edited, but the second state is sent as a message of its own.
func anew(h *history) {
	h.postings[0].shows = delivery{0, 0}
	h.postings = append(h.postings, posting{build: 7, account: "chat", shows: delivery{1, 0}})
	h.attempts[1].posting, h.attempts[1].edits = 2, false
}

func TestVerdictOfEdits(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(h *history)
		fault   string // empty for none
		orphans int
	}{
		"one message shows the newest state": {func(*history) {}, "", 0},
		"the message shows an older state": {func(h *history) {
			h.postings[0].shows = delivery{0, 0}
		}, "the newest state of its build", 1},
		"an older state replaces a newer one": {func(h *history) {
			h.accepted[delivery{0, 0}], h.redriven[delivery{1, 0}] = 3, true
			h.postings[0].shows = delivery{0, 0}
			h.attempts[1].replaces = 0
		}, "overwrites {0 0}", 0},
		"an older state replaces one whose outcome was not stored": {func(h *history) {
			h.accepted[delivery{0, 0}], h.redriven[delivery{1, 0}] = 3, true
			h.postings[0].shows, h.settlements = delivery{0, 0}, nil
		}, "", 0},
		"the message was deleted": {func(h *history) {
			h.postings[0].shows, h.postings[0].gone = delivery{0, 0}, 90*time.Minute
		}, "", 0},
		"each state has a message": {func(h *history) {
			anew(h)
			h.targets[0].updates = false
		}, "", 0},
		"a new message for nothing": {anew, "could be edited", 1},
		"a new message after the earlier one was deleted": {func(h *history) {
			anew(h)
			h.postings[0].gone = time.Minute
		}, "", 0},
		"a new message after the receipt was over": {func(h *history) {
			anew(h)
			h.postings[0].expires = time.Minute
		}, "", 1},
		"a new message by another account": {func(h *history) {
			anew(h)
			h.postings[0].account = "other"
		}, "", 1},
		"a new message after the answer was lost": {func(h *history) {
			anew(h)
			h.attempts[0].answered = false
		}, "", 1},
		"a new message after the outcome was not stored": {func(h *history) {
			anew(h)
			h.settlements = h.settlements[1:]
		}, "", 1},
		"a new message after the lease was lost": {func(h *history) {
			anew(h)
			h.losses[handout{1, "a"}], h.attempts[1].at = 12, 0
		}, "", 1},
		"a copy is never edited": {func(h *history) {
			anew(h)
			h.losses[handout{1, "a"}] = 12
		}, "a message shows {0 0} at the end", 1},
		"the receipt's record was destroyed": {func(h *history) {
			anew(h)
			h.receiptsLost = true
		}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := edited()
			test.change(h)
			faults := strings.Join(check(h), "\n")
			if (faults == "") != (test.fault == "") || !strings.Contains(faults, test.fault) || h.orphans != test.orphans {
				t.Errorf("faults: %q, want %q; %d orphans, want %d", faults, test.fault, h.orphans, test.orphans)
			}
		})
	}
}

func TestDiceDoNotDependOnOrder(t *testing.T) {
	d := dice(42)
	a, b := d.of("a", 1), d.of("b", 1)
	if a == b || a != d.of("a", 1) || a == d.of("a", 2) {
		t.Errorf("dice for a, b and a again: %x %x %x", a, b, d.of("a", 1))
	}
	hits := 0
	for n := range uint64(10_000) {
		if d.of("chance", n).chance(0.1) {
			hits++
		}
	}
	if hits < 800 || hits > 1200 {
		t.Errorf("a chance of 0.1 came up %d times of 10000", hits)
	}
}
