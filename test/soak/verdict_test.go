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
			v := judge(l, nil)
			if diff := cmp.Diff(tt.want, v.Repeated); diff != "" {
				t.Error(diff)
			}
			if text := strings.Join(v.Faults, "\n"); tt.fault == "" && text != "" || !strings.Contains(text, tt.fault) {
				t.Errorf("the faults are %q, want %q", text, tt.fault)
			}
		})
	}
}
