package journal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
)

func TestLossIsReportedForSevenDays(t *testing.T) {
	found := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	l := queue.Loss{At: found, Messages: 5, Gaps: []queue.Gap{{First: 5, Last: 9}}, Events: 4, Cause: "5 messages are missing"}
	s := New(time.Hour)
	s.Apply(10, encoded(t, Entry{Loss: &l}))
	for range 2 { // carrying it changes nothing
		c := s.Carry(found.Add(time.Hour))
		c.Add(10, encoded(t, Entry{Loss: &l}))
		carried, err := c.Entries()
		if err != nil {
			t.Fatal(err)
		}
		replayed := New(time.Hour)
		replayed.Apply(20, carried)
		for _, state := range []*State{s, replayed} {
			if diff := cmp.Diff([]queue.Loss{l}, state.Losses(found.Add(6*24*time.Hour))); diff != "" {
				t.Errorf("losses after six days (-want +got):\n%s", diff)
			}
			if late := state.Losses(found.Add(8 * 24 * time.Hour)); len(late) > 0 {
				t.Errorf("after eight days: %+v", late)
			}
			if state.Missed(4) || !state.Missed(5) || !state.Missed(9) || state.Missed(10) {
				t.Error("the missing messages are 5 to 9")
			}
		}
	}
	c := s.Carry(found.Add(8 * 24 * time.Hour))
	c.Add(10, encoded(t, Entry{Loss: &l}))
	if entries, _ := c.Entries(); len(entries) > 0 {
		t.Error("an old loss is carried")
	}
}

func encoded(t *testing.T, e Entry) []Entry {
	t.Helper()
	if err := e.Encode(); err != nil {
		t.Fatal(err)
	}
	entries, err := Split(Join([]Entry{e}))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
