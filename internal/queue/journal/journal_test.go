package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func event(build int64, state string) travis.Event {
	return travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build:      travis.Build{ID: build, Number: fmt.Sprint(build), State: state, Result: travis.Result(state)},
	}
}

var room = queue.Target{Namespace: "team-a", Route: "builds", RouteUID: "1", Account: "chat", Address: "#builds", Channel: "chat/#builds"}

func accepted(build int64) Entry {
	return Entry{Accept: &Accept{
		At: noon, Event: event(build, "passed"), Namespace: "team-a", Targets: []queue.Target{room},
	}}
}

// listed returns all deliveries, in order.
func listed(s *State) []queue.Summary { return query(s, queue.Query{}) }

func query(s *State, q queue.Query) []queue.Summary {
	var all []Listed
	for list, more := s.List(q), true; more; {
		var piece []Listed
		piece, more = list.Next(3)
		all = append(all, piece...)
	}
	selected := Select(&q)
	selected.Add(all)
	return selected.InOrder()
}

// history is a log and its state.
type history struct {
	*testing.T
	live *State
	log  map[uint64][]byte
	next uint64
}

func newHistory(t *testing.T) *history {
	return &history{t, New(time.Hour), map[uint64][]byte{}, 1}
}

func (h *history) append(entries ...Entry) (seq uint64) {
	h.Helper()
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			h.Fatal(err)
		}
	}
	seq = h.next
	h.log[seq] = Join(entries)
	h.live.Apply(seq, entries)
	h.next++
	return seq
}

// trim carries the live parts of a message, and purges it.
func (h *history) trim(seq uint64) {
	h.Helper()
	entries, err := Split(h.log[seq])
	if err != nil {
		h.Fatal(err)
	}
	carrier := h.live.Carry(noon)
	carrier.Add(seq, entries)
	if entries, err = carrier.Entries(); err != nil {
		h.Fatal(err)
	}
	if len(entries) > 0 {
		h.append(entries...)
	}
	delete(h.log, seq)
}

func (h *history) replay() *State {
	h.Helper()
	s := New(time.Hour)
	for seq := range h.next {
		entries, err := Split(h.log[seq])
		if err != nil {
			h.Fatal(err)
		}
		s.Apply(seq, entries)
	}
	return s
}

func (h *history) deliverNext(at time.Time) {
	h.Helper()
	l, ok, _ := h.live.Take(queue.Healthy, at)
	if !ok {
		h.Fatal("nothing to deliver")
	}
	h.append(Entry{Settle: &Settle{ID: l.ID, Outcome: queue.Outcome{Kind: queue.Delivered, At: at}, Place: l.Place}})
}

// The second outcome stays in the log and means nothing there, for its delivery's message
// goes: the status must be carried although it was carried before.
func TestAStatusOutlivesTheDeliveriesThatMadeIt(t *testing.T) {
	h := newHistory(t)
	first := h.append(accepted(1))
	second := h.append(accepted(2))
	h.trim(first)
	h.deliverNext(noon.Add(time.Minute))
	h.deliverNext(noon.Add(2 * time.Minute))
	h.trim(second)
	want := h.live.Channels("team-a", "builds", noon)
	if want[0].Delivered.Build != "2" {
		t.Fatalf("delivered last: %+v", want[0].Delivered)
	}
	if diff := cmp.Diff(want, h.replay().Channels("team-a", "builds", noon)); diff != "" {
		t.Fatalf("channels (-live +replayed):\n%s", diff)
	}
}

func TestWhatIsNotUsedIsForgotten(t *testing.T) {
	h := newHistory(t)
	seq := h.append(accepted(1))
	h.deliverNext(noon)
	later := noon.Add(statusKept)
	entries, err := Split(h.log[seq])
	if err != nil {
		t.Fatal(err)
	}
	carrier := h.live.Carry(later)
	carrier.Add(seq, entries)
	if entries, err = carrier.Entries(); err != nil || len(entries) != 0 {
		t.Fatalf("carried %+v, %v; want nothing", entries, err)
	}
	if stats := h.live.Stats(); stats != (Stats{}) {
		t.Fatalf("left: %+v, want nothing", stats)
	}
}

func TestWhatOneEntryHoldsIsBounded(t *testing.T) {
	h := newHistory(t)
	e := accepted(1)
	for i := range 3 * keptPerEntry {
		other := room
		other.Address, other.Channel = fmt.Sprint(i), fmt.Sprint(i)
		e.Accept.Targets = append(e.Accept.Targets, other)
	}
	h.trim(h.append(e))
	for _, e := range mustSplit(t, h.log[h.next-1]) {
		if e.Kept != nil && len(e.Kept.Deliveries) > keptPerEntry {
			t.Errorf("an entry holds %d deliveries", len(e.Kept.Deliveries))
		}
	}
	if diff := cmp.Diff(listed(h.live), listed(h.replay())); diff != "" {
		t.Errorf("deliveries (-live +replayed):\n%s", diff)
	}
}

func mustSplit(t *testing.T, message []byte) []Entry {
	t.Helper()
	entries, err := Split(message)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestSplitRefusesANewerVersion(t *testing.T) {
	_, err := Split([]byte(`{"v":1,"put":{}}` + "\n" + `{"v":3,"put":{}}`))
	if err == nil || !strings.Contains(err.Error(), "version is 3") || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("%v; want the version and the entry in the error", err)
	}
}

// TestSplitKeepsWhatDoesNotDecode: an entry that cannot be decoded does not affect the others or their
// places.
func TestSplitKeepsWhatDoesNotDecode(t *testing.T) {
	for line, want := range map[string]string{
		`{"put":{}}`:                  "version 0",
		`{"v":1,"later":{}}`:          "kind",
		`{"v":1}`:                     "kind",
		``:                            "end of JSON",
		`{"v":1,"redrive":{"ids":1}}`: "cannot unmarshal",
		`{"v":1,"redrive":{"ids":["00112233445566778899aabbccddeexx"]}}`: "invalid",
		`nonsense`: "invalid character",
	} {
		const sound = `{"v":1,"put":{"bucket":"b"}}`
		entries, err := Split([]byte(sound + "\n" + line + "\n" + sound))
		if err != nil || len(entries) != 3 {
			t.Fatalf("split with %s: %d entries, %v", line, len(entries), err)
		}
		if entries[0].Put == nil || entries[2].Put == nil {
			t.Errorf("%s took something from its neighbours", line)
		}
		if err := entries[1].Unreadable(); err == nil || !strings.Contains(err.Error(), want) || string(entries[1].Raw()) != line {
			t.Errorf("entry %s: %v; want %q in the error", line, err, want)
		}
	}
}

func TestIDsDiffer(t *testing.T) {
	base := event(1, "passed")
	base.Build.Started = noon
	ids := map[ID]string{}
	add := func(what string, id ID) {
		if other, taken := ids[id]; taken {
			t.Errorf("%s has the id of %s", what, other)
		}
		ids[id] = what
	}
	add("the event", EventID(&base))
	for what, change := range map[string]func(*travis.Event){
		"another repository": func(e *travis.Event) { e.Repository.ID++ },
		"another build":      func(e *travis.Event) { e.Build.ID++ },
		"another state":      func(e *travis.Event) { e.Build.State = "failed" },
		"another start":      func(e *travis.Event) { e.Build.Started = noon.Add(1) },
		"another end":        func(e *travis.Event) { e.Build.Started, e.Build.Finished = time.Time{}, noon },
	} {
		e := base
		change(&e)
		add(what, EventID(&e))
	}
	elsewhere := base
	elsewhere.Build.Started = noon.In(time.FixedZone("", 3600))
	if EventID(&elsewhere) != EventID(&base) {
		t.Error("the id depends on the time's zone")
	}
	id := EventID(&base)
	add("the delivery", DeliveryID(id, &room))
	for what, change := range map[string]func(*queue.Target){
		"another namespace":       func(t *queue.Target) { t.Namespace = "team-b" },
		"another route":           func(t *queue.Target) { t.Route = "other" },
		"the route created again": func(t *queue.Target) { t.RouteUID = "2" },
		"another account":         func(t *queue.Target) { t.Account = "other" },
		"another room":            func(t *queue.Target) { t.Address = "#other" },
		"parts moved":             func(t *queue.Target) { t.Account, t.Address = "chat#", "builds" },
	} {
		target := room
		change(&target)
		add(what, DeliveryID(id, &target))
	}
}

// TestAListOmitsWhatEndsMeanwhile: a delivery that ends between two pieces of a list is not listed as
// waiting.
func TestAListOmitsWhatEndsMeanwhile(t *testing.T) {
	h := newHistory(t)
	h.append(accepted(1), accepted(2), accepted(3))
	list := h.live.List(queue.Query{})
	first, _ := list.Next(1)
	for _, s := range listed(h.live) {
		if s.ID != first[0].ID {
			var id ID
			if err := id.UnmarshalText([]byte(s.ID)); err != nil {
				t.Fatal(err)
			}
			h.append(Entry{Settle: &Settle{ID: id, Outcome: queue.Outcome{Kind: queue.Delivered, At: noon}}})
		}
	}
	if rest, more := list.Next(10); len(rest) > 0 || more {
		t.Errorf("the rest of the list is %v, and all of it has ended", rest)
	}
}
