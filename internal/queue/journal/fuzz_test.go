package journal

import (
	"testing"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// FuzzApply uses random bytes as a message of the log: the readable entries are applied, handed out, carried
// and listed without a panic.
func FuzzApply(f *testing.F) {
	whole := []Entry{
		accepted(1),
		{Settle: &Settle{Outcome: queue.Outcome{Kind: queue.Retry, At: noon, Due: noon}, Place: Place{Destination: "d"}}},
		{Reassign: &Reassign{Namespace: "team-a", Channel: "chat/#builds", Destination: "d", At: noon, Until: noon}},
		{Redrive: &Redrive{At: noon, IDs: []ID{{1}}, Places: []Place{{Destination: "d"}}}},
		{Wake: &Wake{At: noon, Fixed: []queue.Target{room}, Replaced: []queue.Target{room}}},
		{Drop: &Drop{At: noon, Targets: []queue.Target{room}}},
		{Kept: &Kept{At: noon, Namespace: "team-a", Event: event(1, "failed"), Deliveries: []KeptDelivery{{Target: room, Dead: true}}}},
		{Builds: []Build{{Namespace: "team-a"}}},
		{Status: &Status{Target: room}},
		{Channel: &Channel{Namespace: "team-a", Name: "chat/#builds", Condition: Backoff{Failing: true, At: noon}}},
		{Condition: &Condition{Place: Place{Destination: "d"}, Backoff: Backoff{Failing: true, At: noon}}},
		{Put: &Put{Bucket: "b", Key: "k"}},
	}
	for i := range whole {
		if err := whole[i].Encode(); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(Join(whole))
	f.Add([]byte("{\"v\":1,\"put\":{}}\nnonsense\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		entries, err := Split(data)
		if err != nil {
			return // a newer version's
		}
		s := New(time.Hour)
		before := []Entry{accepted(1), accepted(2)}
		s.Apply(1, before)
		s.Apply(2, entries)
		for seq := uint64(3); seq < 9; seq++ {
			for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
				if l, ok, _ := s.Take(lane, noon.Add(24*time.Hour)); ok {
					s.Apply(seq, []Entry{{Settle: &Settle{ID: l.ID, Outcome: queue.Outcome{Kind: queue.Dead, At: noon}, Place: l.Place}}})
				}
			}
		}
		c := s.Carry(noon)
		c.Add(1, before)
		c.Add(2, entries)
		if carried, err := c.Entries(); err == nil {
			s.Apply(9, carried)
		}
		s.ClampDueTimes(noon)
		s.RemoveExpired(noon.Add(1000 * time.Hour))
		s.Apply(10, entries)
		_ = listed(s)
	})
}
