package trail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/queue/replica"
)

// keeper returns a trail and its keeper at a time.
func keeperOf(m *keyvaluetest.Map, now time.Time) (*Trail, *Keeper) {
	t := New(now, func(string) bool { return true })
	return t, NewKeeper(t, m, func() time.Time { return now }, logr.Discard())
}

// everywhere is a single replica.
func everywhere(t *Trail, k *Keeper) Everywhere {
	single := &replica.Single{}
	t.Handle(single.Handle)
	return Everywhere{k, single}
}

func save(t *testing.T, k *Keeper) {
	t.Helper()
	if err := k.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestStoredRecordsAreBounded(t *testing.T) {
	m := &keyvaluetest.Map{}
	trail, k := keeperOf(m, start)
	for round := range 100 {
		for i := range 30 {
			id := round*30 + i
			trail.Report(report(fmt.Sprintf("example/%d", id), id, fmt.Sprint(id)))
			trail.Ended(queue.Summary{ID: fmt.Sprint(id), Repository: fmt.Sprintf("example/%d", id), Last: queue.Outcome{Kind: queue.Dropped, At: start, Reason: incompressible()}})
		}
		save(t, k)
	}
	total := 0
	for key, value := range m.All() {
		if !strings.HasPrefix(key, recordsBucket) {
			continue
		}
		total += len(value)
		if len(value) > slotBytes {
			t.Errorf("slot %s has %d bytes", key, len(value))
		}
	}
	if total > slots*slotBytes || total < slots*slotBytes/2 {
		t.Errorf("%d bytes are stored of %d", total, slots*slotBytes)
	}
	restarted, k := keeperOf(m, start)
	k.Load()
	if len(restarted.Local("example/2999").Webhooks) != 1 || len(restarted.Local("example/0").Webhooks) != 0 {
		t.Error("not the newest records are kept")
	}
}

func incompressible() string {
	var b strings.Builder
	for range 100 {
		b.WriteString(rand.Text())
	}
	return b.String()
}

func TestOldRecordsAreNotLoaded(t *testing.T) {
	m := &keyvaluetest.Map{}
	trail, k := keeperOf(m, start)
	trail.Report(report("example/example", 0, "1"))
	save(t, k)
	for after, want := range map[time.Duration]int{keepFor - time.Hour: 1, keepFor + time.Hour: 0} {
		restarted, k := keeperOf(m, start.Add(after))
		k.Load()
		if n := len(restarted.Local("example/example").Webhooks); n != want {
			t.Errorf("%d webhooks after %s, want %d", n, after, want)
		}
	}
}

func TestReplicasClaimDifferentSlots(t *testing.T) {
	m := &keyvaluetest.Map{}
	first, k1 := keeperOf(m, start)
	second, k2 := keeperOf(m, start)
	for i := range 3 {
		first.Report(report("example/a", i, fmt.Sprint(i)))
		second.Report(report("example/b", i, fmt.Sprint(i)))
		save(t, k1)
		save(t, k2)
	}
	k1.Load()
	k2.Load()
	for name, trail := range map[string]*Trail{"first": first, "second": second} {
		if a, b := len(trail.Local("example/a").Webhooks), len(trail.Local("example/b").Webhooks); a != 3 || b != 3 {
			t.Errorf("the %s knows %d and %d webhooks, want 3 of each", name, a, b)
		}
	}
}

// A replica that saved nothing for so long that others claimed its slot leaves their records alone.
func TestALostSlotIsNotOverwritten(t *testing.T) {
	m := &keyvaluetest.Map{}
	first, k1 := keeperOf(m, start)
	first.Report(report("example/a", 0, "1"))
	save(t, k1)
	second, k2 := keeperOf(m, start)
	for range slots {
		if err := k2.claim(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	second.Report(report("example/b", 0, "1"))
	save(t, k2)
	first.Report(report("example/a", 1, "2"))
	save(t, k1)
	restarted, k := keeperOf(m, start)
	k.Load()
	if n := len(restarted.Local("example/b").Webhooks); n != 1 {
		t.Errorf("%d webhooks of the other replica are left", n)
	}
}

func TestDamagedRecordsAreLeftOut(t *testing.T) {
	m := &keyvaluetest.Map{}
	trail, k := keeperOf(m, start)
	trail.Report(report("example/a", 0, "1"))
	save(t, k)
	trail.Report(report("example/b", 0, "1"))
	save(t, k)
	whole, _ := m.Get(recordsBucket, "0")
	for cut := range whole {
		if err := m.Put(t.Context(), recordsBucket, "0", slices.Concat(whole[:cut], []byte{0xff})); err != nil {
			t.Fatal(err)
		}
		restarted, k := keeperOf(m, start)
		k.Load()
		if n := len(restarted.Local("example/b").Webhooks); n > 1 {
			t.Fatalf("cut at %d: %d webhooks", cut, n)
		}
	}
}

func TestCountsSurviveAFailedSave(t *testing.T) {
	m := &keyvaluetest.Map{}
	trail, k := keeperOf(m, start)
	trail.Report(report("example/example", 0, ""))
	m.BeforeWrite = func() error { return errors.New("no") }
	if err := k.Save(t.Context()); err == nil {
		t.Fatal("the error is lost")
	}
	m.BeforeWrite = nil
	save(t, k)
	save(t, k)
	counted, _, _ := everywhere(trail, k).Counts(t.Context(), "Example/example", start.Add(-time.Hour))
	want := []Counted{{countKey{Repository: "example/example", Kind: countRejected, Reason: "no_proof"}, 1}}
	if diff := cmp.Diff(want, counted, cmp.AllowUnexported(Counted{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCountsOfAnEarlierWeekAreReplaced(t *testing.T) {
	m := &keyvaluetest.Map{}
	trail, k := keeperOf(m, start)
	trail.Report(report("example/example", 0, ""))
	save(t, k)
	later := start.Add(time.Duration(countSlots) * time.Hour)
	trail, k = keeperOf(m, later)
	r := report("example/example", 0, "")
	r.At = later
	trail.Report(r)
	save(t, k)
	counted, from, _ := everywhere(trail, k).Counts(t.Context(), "example/example", start)
	if len(counted) != 1 || counted[0].N != 1 || later.Sub(from) > keepFor+time.Hour {
		t.Errorf("got %+v from %s", counted, from)
	}
}

// One namespace with ever new reasons leaves the others theirs, and loses no count.
func TestReasonsAreBoundedByNamespace(t *testing.T) {
	h := newHourCounts()
	for i := range 10 * countsOverall {
		h.add(countKey{Repository: "a/b", Namespace: "loud", Kind: countFailed, Reason: fmt.Sprint(i)}, 1)
	}
	h.add(countKey{Repository: "a/b", Namespace: "quiet", Kind: countFailed, Reason: "connection refused"}, 1)
	total := 0
	for k, n := range h.n {
		if k.Namespace == "loud" {
			total += n
		}
	}
	if len(h.n) > countsPerNamespace+2 || total != 10*countsOverall {
		t.Errorf("%d counters with %d in all", len(h.n), total)
	}
	if h.n[countKey{Repository: "a/b", Namespace: "quiet", Kind: countFailed, Reason: "connection refused"}] != 1 {
		t.Error("the reason of another namespace is lost")
	}
}
