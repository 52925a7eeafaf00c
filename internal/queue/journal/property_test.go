package journal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

const remembered = 3 * time.Hour

// TestStateAgreesWithModelThroughTrimsAndRestarts applies random operations to a state that purges its log's
// beginning and replays the rest, and to a naive model that does neither. Both must always agree.
func TestStateAgreesWithModelThroughTrimsAndRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHarness()
		t.Repeat(map[string]func(*rapid.T){
			"accept":          h.accept,
			"accept 2":        h.accept,
			"finish":          h.finish,
			"attempt":         h.attempt,
			"attempt2":        h.attempt,
			"settle":          h.settle,
			"redrive":         h.redrive,
			"wake":            h.wake,
			"drop":            h.drop,
			"put":             h.put,
			"wait":            h.wait,
			"expire":          h.expire,
			"trim":            h.trim,
			"removeExpired":   h.removeExpired,
			"restart":         h.restart,
			"clamp due times": h.clampDueTimes,
			"move shard":      h.moveShard,
			"slots":           h.slots,
			"":                h.check,
		})
	})
}

type message struct {
	seq  uint64
	data []byte
}

// harness is a log, its state, and the model.
type harness struct {
	now   time.Time
	log   []message
	last  uint64
	live  *State
	model *model
}

func newHarness() *harness {
	return &harness{now: noon, live: New(remembered), model: newModel()}
}

func (h *harness) append(t *rapid.T, entries ...Entry) {
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			t.Fatal(err)
		}
	}
	h.last++
	h.log = append(h.log, message{h.last, Join(entries)})
	h.live.Apply(h.last, entries)
}

var (
	testNamespaces = []string{"one", "two"}
	testChannels   = []string{"channel-0", "channel-1"}
	// testPlaces are pairs of an account key and a destination, shared by channels of different namespaces.
	testPlaces = [][2]string{
		{"", ""}, {"", "system/slack/#a"}, {"", "system/slack/#b"},
		{"system/jabber", "system/jabber/a@example.com"}, {"team/jabber", ""},
	}
	testStates = []travis.Result{travis.Pending, travis.Passed, travis.Failed}
)

func drawPlace(t *rapid.T) (accountKey, destination string) {
	p := rapid.SampledFrom(testPlaces).Draw(t, "place")
	return p[0], p[1]
}

func drawTargets(t *rapid.T, namespace string) []queue.Target {
	var targets []queue.Target
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 1, 3, rapid.ID[int]).Draw(t, "targets") {
		target := queue.Target{
			Namespace: namespace, Route: fmt.Sprint("route-", n%2), RouteUID: "1",
			Account: "a", Address: fmt.Sprint("room-", n/2), Channel: testChannels[n/2],
		}
		target.AccountKey, target.Destination = drawPlace(t)
		targets = append(targets, target)
	}
	return targets
}

// drawEvent draws one of a few states of a few runs of a few builds, in any order.
func (h *harness) drawEvent(t *rapid.T) travis.Event {
	result := rapid.SampledFrom(testStates).Draw(t, "result")
	e := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build:      travis.Build{ID: int64(rapid.IntRange(1, 3).Draw(t, "build")), State: string(result), Result: result},
	}
	e.Build.Number = fmt.Sprint(e.Build.ID)
	if e.Build.Branch = "main"; e.Build.ID == 3 {
		e.Build.Branch = "next"
	}
	e.Build.Started = h.now.Truncate(time.Hour).Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "run")) * time.Minute)
	if result == travis.Pending {
		e.Build.State = "started"
		return e
	}
	e.Build.Finished = e.Build.Started.Add(time.Duration(rapid.IntRange(1, 2).Draw(t, "took")) * time.Minute)
	return e
}

func (h *harness) drawAccept(t *rapid.T) (Accept, bool) {
	e := h.drawEvent(t)
	namespace := rapid.SampledFrom(testNamespaces).Draw(t, "namespace")
	offer := queue.Offer{Namespace: namespace, Targets: drawTargets(t, namespace)}
	want := h.model.seen(&e, namespace, h.now)
	if got := h.live.Seen(&e, namespace, h.now); got != want {
		t.Fatalf("seen %s of %v in %s: %v, want %v", e.Build.State, e.Build.Started, namespace, got, want)
	}
	fresh := h.live.Fresh(&e, &offer, h.now)
	return Accept{At: h.now, Namespace: namespace, Event: e, Targets: fresh}, len(fresh) > 0
}

// accept stores up to three events in one message.
func (h *harness) accept(t *rapid.T) {
	var entries []Entry
	taken := map[ID]bool{}
	for range rapid.IntRange(1, 3).Draw(t, "events") {
		a, ok := h.drawAccept(t)
		id := SeenID(BuildID(&a.Event), a.Namespace)
		if !ok || taken[id] {
			continue
		}
		taken[id] = true
		entries = append(entries, Entry{Accept: &a})
	}
	for _, e := range entries {
		h.model.accept(EventID(&e.Accept.Event), e.Accept)
	}
	if len(entries) > 0 {
		h.append(t, entries...)
	}
}

// finish is the end of a build that no target matches.
func (h *harness) finish(t *rapid.T) {
	e := h.drawEvent(t)
	namespace := rapid.SampledFrom(testNamespaces).Draw(t, "namespace")
	if !Decisive(&e) || h.live.Finished(&e, HistoryID(&e, namespace), h.now) {
		return
	}
	f := NewFinish(&e, namespace, h.now)
	h.model.finish(f.Namespace, &f.Event)
	h.append(t, Entry{Finish: f})
}

func drawLane(t *rapid.T) queue.Lane {
	return rapid.SampledFrom([]queue.Lane{queue.Healthy, queue.Probation}).Draw(t, "lane")
}

// attempt takes a delivery and leaves it under way.
func (h *harness) attempt(t *rapid.T) {
	lane := drawLane(t)
	want, from := h.model.take(lane, h.now)
	got, ok, _ := h.live.Take(lane, h.now)
	if ok != (want != nil) {
		t.Fatalf("take: %v %+v, want %+v", ok, got, want)
	}
	if !ok {
		return
	}
	if got.ID != want.id {
		want, from = h.model.alternative(lane, h.now, from, got.ID)
	}
	reassignments := h.model.channels[keyOf(&want.target)].reassignments
	if got.ID != want.id || got.Attempt != want.attempts+1 || got.Place != from.place || got.Shard != shardOf(from.place) || got.Reassignments != reassignments {
		t.Fatalf("take: %+v, want %+v of %+v", got, *want, from)
	}
	if (got.Superseded != "") != h.model.superseded(want, from.place) {
		t.Fatalf("take: superseded %q", got.Superseded)
	}
	h.model.begin(lane, from)
	if rapid.IntRange(0, 3).Draw(t, "return") == 0 {
		h.live.Return(got.ID)
		h.model.release(got.ID)
	}
}

func (h *harness) minutes(t *rapid.T, label string, least, most int) time.Time {
	return h.now.Add(time.Duration(rapid.IntRange(least, most).Draw(t, label)) * time.Minute)
}

func (h *harness) drawOutcome(t *rapid.T) queue.Outcome {
	o := queue.Outcome{
		At:   h.now,
		Kind: rapid.SampledFrom([]queue.Kind{queue.Delivered, queue.Retry, queue.Retry, queue.Dead, queue.Dropped}).Draw(t, "kind"),
	}
	if o.Kind == queue.Retry {
		o.Due = h.minutes(t, "due", 1, 90)
	}
	if o.Kind != queue.Delivered {
		o.Reason = "it is " + string(o.Kind)
		o.Credential = rapid.Bool().Draw(t, "credential")
	}
	if rapid.Bool().Draw(t, "rests") {
		o.Rest = h.minutes(t, "rest", 1, 3)
	}
	return o
}

// settle ends attempts that are under way, together, or reassigns their channels.
func (h *harness) settle(t *rapid.T) {
	var entries []Entry
	for _, a := range slices.Clone(h.model.attempts) {
		if rapid.IntRange(0, 3).Draw(t, "settle") > 0 {
			o := h.drawOutcome(t)
			h.model.settle(a.id, a.place, o)
			entries = append(entries, Entry{Settle: &Settle{ID: a.id, Outcome: o, Place: a.place, Message: h.drawMessage(t, &o)}})
			continue
		}
		if a.channel.name == "" {
			continue
		}
		m := &Reassign{ID: a.id, Namespace: a.channel.namespace, Channel: a.channel.name, At: h.now, Until: h.minutes(t, "until", 0, 60)}
		m.AccountKey, m.Destination = drawPlace(t)
		h.model.reassign(m)
		entries = append(entries, Entry{Reassign: m})
	}
	if len(entries) > 0 {
		h.append(t, entries...)
	}
}

// drawMessage is what a message that was delivered is known by, if it can be updated: of one of two builds,
// in any order.
func (h *harness) drawMessage(t *rapid.T, o *queue.Outcome) *Message {
	if o.Kind != queue.Delivered || !rapid.Bool().Draw(t, "updates") {
		return nil
	}
	m := &Message{
		Key: ID{byte(rapid.IntRange(1, 2).Draw(t, "message"))}, Namespace: "one", Destination: "d",
		Handle: drawHandle(t), Until: h.minutes(t, "until", 1, 300), Seq: uint64(rapid.IntRange(1, 3).Draw(t, "of")),
	}
	if gone := drawHandle(t); gone != m.Handle {
		m.Gone = []string{gone}
	}
	h.model.post(m, o.At)
	return m
}

func drawHandle(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(1, 8).Draw(t, "handle")) }

func (h *harness) redrive(t *rapid.T) {
	var ids []ID
	for _, d := range h.model.list {
		if rapid.Bool().Draw(t, "chosen") {
			ids = append(ids, d.id)
		}
	}
	r := h.live.NewRedrive(h.now, ids)
	for _, p := range r.Places {
		h.model.makeDue(p, h.now)
	}
	for _, id := range r.IDs {
		h.model.restartDelivery(h.now, h.model.find(id))
	}
	h.append(t, Entry{Redrive: r})
}

func (h *harness) drawKnown(t *rapid.T, label string) []queue.Target {
	var chosen []queue.Target
	for _, namespace := range testNamespaces {
		for n := range 4 {
			target := queue.Target{
				Namespace: namespace, Route: fmt.Sprint("route-", n%2), RouteUID: "1",
				Account: "a", Address: fmt.Sprint("room-", n/2), Channel: testChannels[n/2],
			}
			if _, ok := h.model.statuses[target]; ok && rapid.Bool().Draw(t, label) {
				chosen = append(chosen, target)
			}
		}
	}
	return chosen
}

func (h *harness) wake(t *rapid.T) {
	fixed := h.drawKnown(t, "fixed")
	replaced := slices.DeleteFunc(h.drawKnown(t, "replaced"), func(of queue.Target) bool { return slices.Contains(fixed, of) })
	w, n := h.live.NewWake(h.now, fixed, replaced)
	if w == nil {
		return
	}
	if n == 0 {
		t.Fatal("an entry that wakes nothing")
	}
	h.model.wake(w)
	h.append(t, Entry{Wake: w})
}

func (h *harness) drop(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "seldom") > 0 {
		return
	}
	targets := h.drawKnown(t, "gone")
	if len(targets) == 0 {
		return
	}
	h.model.drop(targets)
	h.append(t, Entry{Drop: &Drop{At: h.now, Targets: targets, Reason: "gone"}})
}

func (h *harness) put(t *rapid.T) {
	key, text := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), fmt.Sprint(h.last)
	h.model.values[key] = text
	h.append(t, Entry{Put: &Put{"bucket", key, []byte(text)}})
}

func (h *harness) wait(t *rapid.T) {
	h.now = h.minutes(t, "minutes", 1, 120)
}

func (h *harness) expire(t *rapid.T) {
	var entries []Entry
	for _, id := range h.live.Expired(h.now.Add(-2*time.Hour), 1000) {
		o := queue.Outcome{Kind: queue.Dropped, At: h.now}
		h.model.settle(id, Place{}, o)
		entries = append(entries, Entry{Settle: &Settle{ID: id, Outcome: o}})
	}
	if len(entries) > 0 {
		h.append(t, entries...)
	}
}

// trim carries some of the first messages and purges them; sometimes it crashes in between.
func (h *harness) trim(t *rapid.T) {
	if len(h.log) == 0 {
		return
	}
	n := rapid.IntRange(1, len(h.log)).Draw(t, "messages")
	carrier := h.live.Carry(h.now)
	for _, m := range h.log[:n] {
		carrier.Add(m.seq, split(t, m.data))
	}
	entries, err := carrier.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for len(entries) > 0 { // in as many messages as it takes
		k := rapid.IntRange(1, len(entries)).Draw(t, "entries")
		h.append(t, entries[:k]...)
		entries = entries[k:]
	}
	if rapid.IntRange(0, 3).Draw(t, "crash") > 0 {
		h.log = h.log[n:]
	}
}

func (h *harness) removeExpired(*rapid.T) { h.live.RemoveExpired(h.now) }

func split(t *rapid.T, data []byte) []Entry {
	entries, err := Split(data)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func (h *harness) replay(t *rapid.T) *State {
	s := New(remembered)
	for _, m := range h.log {
		s.Apply(m.seq, split(t, m.data))
	}
	return s
}

// restart replays the log: attempts under way are waiting again.
func (h *harness) restart(t *rapid.T) {
	h.live = h.replay(t)
	for shard, away := range h.model.away {
		h.live.SetSends(shard, !away)
	}
	h.model.restart()
}

// moveShard gives a shard to another replica, or takes it back. This is not in the log: replicas agree on it
// elsewhere.
func (h *harness) moveShard(t *rapid.T) {
	accountKey, destination := drawPlace(t)
	shard := queue.Shard(accountKey, destination, rapid.SampledFrom(testNamespaces).Draw(t, "namespace"), rapid.SampledFrom(testChannels).Draw(t, "channel"))
	held := rapid.Bool().Draw(t, "held")
	h.model.away[shard] = !held
	h.live.SetSends(shard, held)
}

func (h *harness) slots(t *rapid.T) {
	lane := drawLane(t)
	n := rapid.IntRange(0, 4).Draw(t, "slots")
	h.model.slots[lane] = n
	h.live.SetSlots(lane, n)
}

func (h *harness) check(t *rapid.T) {
	for turn := range h.model.served {
		if h.live.namespaces[turn.namespace] == nil {
			delete(h.model.served, turn) // nothing is left of it
		}
	}
	h.compare(t, h.live, h.model.summaries())
	if diff := cmp.Diff(h.model.counts(), h.live.Counts()); diff != "" {
		t.Fatalf("counts (-model +state):\n%s", diff)
	}
	again := h.replay(t)
	afterRestart := h.model.summaries()
	for i := range afterRestart {
		if afterRestart[i].State == queue.Sending {
			afterRestart[i].State = queue.Waiting
		}
	}
	h.compare(t, again, afterRestart)
	counts := cmpopts.IgnoreFields(Stats{}, "Builds", "Live", "Memory") // expired parts may not be removed yet
	if diff := cmp.Diff(h.live.Stats(), again.Stats(), counts); diff != "" {
		t.Fatalf("sizes (-live +replayed):\n%s", diff)
	}
	if n := len(h.model.list) + h.model.ended; n != h.model.accepted {
		t.Fatalf("%d deliveries are kept or ended, of %d accepted", n, h.model.accepted)
	}
}

func (h *harness) compare(t *rapid.T, s *State, want []queue.Summary) {
	if diff := cmp.Diff(want, listed(s)); diff != "" {
		t.Fatalf("deliveries (-model +state):\n%s", diff)
	}
	h.compareQuery(t, s, want)
	h.compareStatus(t, s)
	for key, want := range h.model.runs {
		e := travis.Event{Repository: travis.Repository{ID: 1}, Build: travis.Build{Branch: key.branch}}
		got := s.Runs(HistoryID(&e, key.namespace), h.now)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("runs of %+v (-model +state):\n%s", key, diff)
		}
	}
	for key, want := range h.model.messages {
		got, ok := s.messages[key]
		if want.Until.After(h.now) != (ok && !got.expired(h.now)) || ok && want.Until.After(h.now) && !cmp.Equal(got.Message, *want) {
			t.Fatalf("message %v: %+v, want %+v", key, got, want)
		}
	}
	for key, want := range h.model.values {
		if got, ok := s.Get("bucket", key); !ok || string(got) != want {
			t.Fatalf("value %s: %s, want %s", key, got, want)
		}
	}
	h.compareChannels(t, s)
	h.compareConditions(t, s)
	if is, want := s.used, recount(s); is != want {
		t.Fatalf("used %+v, counted again %+v", is, want)
	}
}

// compareQuery compares a query that uses an index.
func (h *harness) compareQuery(t *rapid.T, s *State, all []queue.Summary) {
	queries := []queue.Query{
		{Namespace: "one"},
		{Namespace: "two", Route: "route-1"},
		{Repository: "EXAMPLE/example", BuildID: 2},
		{Repository: "example/example", Build: "1", Namespace: "one"},
		{States: []queue.State{queue.DeadLetter}},
		{Namespace: "one", States: []queue.State{queue.Waiting}},
		{Repository: "example/other"},
	}
	if len(all) > 0 {
		queries = append(queries, queue.Query{IDs: []string{all[0].ID, "unknown"}})
	}
	for _, q := range queries {
		want := slices.DeleteFunc(slices.Clone(all), func(of queue.Summary) bool { return !q.Matches(&of) })
		if diff := cmp.Diff(want, query(s, q), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("query %+v (-model +state):\n%s", q, diff)
		}
	}
}

func (h *harness) compareStatus(t *rapid.T, s *State) {
	for _, namespace := range testNamespaces {
		for _, route := range []string{"route-0", "route-1"} {
			byAddress := cmpopts.SortSlices(func(a, b queue.ChannelStatus) bool {
				return strings.Compare(a.Target.Address, b.Target.Address) < 0
			})
			diff := cmp.Diff(h.model.route(namespace, route), s.Channels(namespace, route, h.now),
				byAddress, cmpopts.EquateEmpty())
			if diff != "" {
				t.Fatalf("channels of %s/%s (-model +state):\n%s", namespace, route, diff)
			}
		}
	}
}

func (h *harness) compareChannels(t *rapid.T, s *State) {
	is := map[channelKey]modelChannel{}
	for key, c := range s.channels {
		is[key] = modelChannel{c.accountKey, c.destination, timeOrZero(c.until), c.reassignments}
	}
	if diff := cmp.Diff(h.model.channels, is, cmp.AllowUnexported(modelChannel{}, channelKey{})); diff != "" {
		t.Fatalf("channels (-model +state):\n%s", diff)
	}
}

// compareConditions compares the conditions, without rests that are over.
func (h *harness) compareConditions(t *rapid.T, s *State) {
	for key := range h.model.channels {
		p := h.model.place(key)
		want, is := h.model.conditions[p], modelCondition{}
		if d := s.destinations[p]; d != nil {
			is = modelCondition{d.failing, timeOrZero(d.until), timeOrZero(d.rest), timeOrZero(d.setAt)}
		}
		for _, c := range []*modelCondition{&want, &is} {
			if !c.rest.After(h.now) {
				c.rest = time.Time{}
			}
			if !c.failing && c.rest.IsZero() && !c.until.After(h.now) {
				*c = modelCondition{}
			}
		}
		if diff := cmp.Diff(want, is, cmp.AllowUnexported(modelCondition{})); diff != "" {
			t.Fatalf("condition of %+v (-model +state):\n%s", p, diff)
		}
	}
}

// recount sums up the usage of everything in the state, and compares it with the namespaces' usage.
func recount(s *State) (all usage) {
	of := map[*namespace]usage{}
	charge := func(ns *namespace, u usage) {
		was := of[ns]
		was.add(u)
		of[ns] = was
	}
	for _, ns := range s.namespaces {
		charge(ns, withTexts(namespaceUsage, ns.name))
	}
	records := map[*record]bool{}
	for _, d := range s.deliveries {
		charge(d.record.namespace, d.usage())
		if !records[d.record] {
			records[d.record] = true
			charge(d.record.namespace, d.record.usage())
		}
	}
	for _, b := range s.builds {
		charge(b.namespace, buildUsage)
	}
	for _, m := range s.messages {
		charge(m.namespace, m.usage())
	}
	for _, h := range s.histories {
		charge(h.namespace, h.usage())
	}
	for _, statuses := range s.routes {
		for _, st := range statuses {
			charge(st.namespace, st.usage())
			for _, t := range st.targets {
				charge(st.namespace, t.usage())
			}
		}
	}
	for key, c := range s.channels {
		charge(s.namespaces[key.namespace], channelUsage)
		charge(s.namespaces[key.namespace], lineUsage.times(int64(len(c.heads))))
	}
	for _, d := range s.destinations {
		all.add(destinationUsage)
		for _, f := range d.flows {
			charge(f.namespace, queueUsage)
		}
	}
	for _, r := range s.repositories {
		all.add(withTexts(repositoryUsage, r.slug))
	}
	for key, v := range s.values {
		all.add(v.size(key))
	}
	for ns, u := range of {
		all.add(u)
		if ns.used != u {
			panic(fmt.Sprintf("namespace %s uses %+v, counted again %+v", ns.name, ns.used, u))
		}
	}
	return all
}
