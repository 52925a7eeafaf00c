package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/test/soak/victim"
)

// TestADuplicateNeedsAReason has one message come twice, from victims 1 and 2 in a sound channel.
func TestADuplicateNeedsAReason(t *testing.T) {
	const id = "key"
	first := take{delivery: delivery{0, 0}, generation: 1, id: id}
	unanswered := first
	unanswered.unanswered = true
	again := take{delivery: delivery{0, 0}, generation: 2, id: id}
	settled := victim.Settled{Kind: queue.Delivered, ID: id}
	tests := []struct {
		name  string
		seen  func(*ledger)
		want  repeated
		fault string
	}{
		{"none", func(l *ledger) { l.take(first); l.take(again) }, repeated{Unexplained: 1}, "had an answer and lived"},
		{"the channel gave no answer", func(l *ledger) { l.take(unanswered); l.take(again) }, repeated{ByChannel: 1}, ""},
		{"death", func(l *ledger) { l.take(first); l.died(1); l.take(again) }, repeated{ByDeath: 1}, ""},
		{"death afterwards", func(l *ledger) { l.take(first); l.take(again); l.died(1) }, repeated{Unexplained: 1}, "had an answer and lived"},
		{"another's death", func(l *ledger) { l.take(first); l.died(3); l.take(again) }, repeated{Unexplained: 1}, "had an answer and lived"},
		{"the lease", func(l *ledger) { l.take(first); l.lose(1, id); l.take(again) }, repeated{ByLease: 1}, ""},
		{"the lease, afterwards", func(l *ledger) { l.take(first); l.take(again); l.lose(1, id) }, repeated{Unexplained: 1}, "had an answer and lived"},
		{"settled", func(l *ledger) { l.take(first); l.settle(1, settled); l.died(1); l.take(again) }, repeated{Unexplained: 1}, "after the store had answered"},
		{"settled, and no answer", func(l *ledger) { l.take(unanswered); l.settle(1, settled); l.take(again) }, repeated{Unexplained: 1}, "after the store had answered"},
		{"settled too late", func(l *ledger) { l.take(first); l.lose(1, id); l.settle(1, settled); l.take(again) }, repeated{ByLease: 1}, ""},
		{"another key", func(l *ledger) { l.take(take{delivery: delivery{0, 0}, generation: 1, id: "other"}); l.take(again) }, repeated{}, "with two keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLedger(1, func(int) []int { return []int{0} })
			l.promise(l.post(0, 1, 0))
			tt.seen(l)
			v := check(l, nil)
			if diff := cmp.Diff(tt.want, v.Repeated); diff != "" {
				t.Error(diff)
			}
			if text := strings.Join(v.Faults, "\n"); tt.fault == "" && text != "" || !strings.Contains(text, tt.fault) {
				t.Errorf("the faults are %q, want %q", text, tt.fault)
			}
		})
	}
}

// TestANewMessageNeedsAReason has two states of a build come as two messages, or as one.
func TestANewMessageNeedsAReason(t *testing.T) {
	const team = 2 // its channels show a build in one message
	first := take{delivery: delivery{0, 0}, generation: 1, id: "a", message: "a"}
	edit := take{delivery: delivery{1, 0}, generation: 2, id: "b", message: "a"}
	anew := edit
	anew.message = "b"
	settled := victim.Settled{Kind: queue.Delivered, ID: "a"}
	for name, tt := range map[string]struct {
		seen            func(*ledger)
		edited, orphans int
		fault           string
	}{
		"an edit":                        {func(l *ledger) { l.take(first); l.settle(1, settled); l.take(edit) }, 1, 0, ""},
		"the outcome was never stored":   {func(l *ledger) { l.take(first); l.died(1); l.take(anew) }, 0, 1, ""},
		"the outcome was stored":         {func(l *ledger) { l.take(first); l.settle(1, settled); l.died(1); l.take(anew) }, 0, 1, "as a new message"},
		"the outcome was stored later":   {func(l *ledger) { l.take(first); l.take(anew); l.settle(1, settled) }, 0, 1, ""},
		"the lease was lost before that": {func(l *ledger) { l.take(first); l.lose(1, "a"); l.settle(1, settled); l.take(anew) }, 0, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(1, func(int) []int { return []int{0} })
			l.promise(l.post(team, 1, 0))
			l.promise(l.post(team, 1, 1))
			tt.seen(l)
			v := check(l, nil)
			if v.Edited != tt.edited || v.Orphans != tt.orphans {
				t.Errorf("%d edits and %d orphans, want %d and %d", v.Edited, v.Orphans, tt.edited, tt.orphans)
			}
			if text := strings.Join(v.Faults, "\n"); tt.fault == "" && text != "" || !strings.Contains(text, tt.fault) {
				t.Errorf("the faults are %q, want %q", text, tt.fault)
			}
		})
	}
}
