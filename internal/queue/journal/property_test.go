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

// TestStateAgreesWithModelThroughTrimsAndRestarts does random things to a state that keeps its
// log, drops the log's beginning and replays what is left, and to a naive model that does
// neither. Both must show the same at every moment.
func TestStateAgreesWithModelThroughTrimsAndRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		t.Repeat(map[string]func(*rapid.T){
			"accept":  w.accept,
			"attempt": w.attempt,
			"settle":  w.settle,
			"resume":  w.resume,
			"put":     w.put,
			"wait":    w.wait,
			"expire":  w.expire,
			"trim":    w.trim,
			"restart": w.restart,
			"rewind":  w.rewind,
			"hold":    w.hold,
			"":        w.check,
		})
	})
}

type message struct {
	seq  uint64
	data []byte
}

type world struct {
	now   time.Time
	log   []message
	last  uint64
	live  *State
	model *model
}

func newWorld() *world {
	return &world{
		now:  time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		live: New(remembered), model: newModel(),
	}
}

func (w *world) append(t *rapid.T, entries ...Entry) {
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			t.Fatal(err)
		}
	}
	w.last++
	w.log = append(w.log, message{w.last, Join(entries)})
	w.live.Apply(w.last, entries)
}

var results = []travis.Result{travis.Pending, travis.Passed, travis.Broken}

var (
	channelNames = []string{"channel-0", "channel-1"}
	homes        = []string{"", "system/jabber", "team/jabber"}
)

func drawHome(t *rapid.T) string { return rapid.SampledFrom(homes).Draw(t, "home") }

func drawTargets(t *rapid.T, namespace string) []queue.Target {
	var targets []queue.Target
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 1, 3, rapid.ID[int]).Draw(t, "targets") {
		targets = append(targets, queue.Target{
			Namespace: namespace, Route: fmt.Sprint("route-", n%2), RouteUID: "1",
			Account: "a", Address: fmt.Sprint("room-", n/2), Channel: channelNames[n/2],
			AccountKey: drawHome(t),
		})
	}
	return targets
}

func (w *world) drawAccept(t *rapid.T) (Accept, bool) {
	n := rapid.IntRange(0, len(results)-1).Draw(t, "result")
	e := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build: travis.Build{
			ID: int64(rapid.IntRange(1, 3).Draw(t, "build")), State: string(results[n]), Result: results[n],
		},
	}
	e.Build.Number = fmt.Sprint(e.Build.ID)
	e.Build.Started = w.now.Truncate(6 * time.Hour)
	var offers []queue.Offer
	for _, namespace := range []string{"one", "two"} {
		if rapid.Bool().Draw(t, namespace) {
			offers = append(offers, queue.Offer{Namespace: namespace, Targets: drawTargets(t, namespace)})
		}
	}
	id := EventID(&e)
	for _, o := range offers {
		was, ok := w.model.seen[SeenID(id, o.Namespace)]
		want := ok && w.now.Sub(was) < remembered
		if got := w.live.Seen(id, o.Namespace, w.now); got != want {
			t.Fatalf("seen %s in %s: %v, want %v", e.Build.State, o.Namespace, got, want)
		}
	}
	fresh, _ := w.live.Fresh(id, offers, w.now)
	return Accept{At: w.now, Event: e, Offers: fresh}, len(fresh) > 0
}

// accept stores up to three events in one message.
func (w *world) accept(t *rapid.T) {
	var entries []Entry
	taken := map[ID]bool{}
	for range rapid.IntRange(1, 3).Draw(t, "events") {
		a, ok := w.drawAccept(t)
		id := EventID(&a.Event)
		if !ok || taken[id] {
			continue
		}
		taken[id] = true
		entries = append(entries, Entry{Accept: &a})
	}
	for _, e := range entries {
		w.model.accept(EventID(&e.Accept.Event), e.Accept)
	}
	if len(entries) > 0 {
		w.append(t, entries...)
	}
}

func drawLane(t *rapid.T) queue.Lane {
	return rapid.SampledFrom([]queue.Lane{queue.Healthy, queue.Probation}).Draw(t, "lane")
}

// attempt takes a delivery and leaves it under way.
func (w *world) attempt(t *rapid.T) {
	lane := drawLane(t)
	want := w.model.take(lane, w.now)
	got, ok, _ := w.live.Take(lane, w.now)
	if ok != (want != nil) {
		t.Fatalf("take: %v, want %v", got, want)
	}
	if !ok {
		return
	}
	channel := want.target.Channel
	if got.Home != w.model.home[channel] || got.Shard != w.model.shard(channel) || got.Moves != w.model.moves[channel] {
		t.Fatalf("take: home %q, shard %d, moved %d times; want %q, %d, %d", got.Home, got.Shard, got.Moves,
			w.model.home[channel], w.model.shard(channel), w.model.moves[channel])
	}
	if got.ID != want.id || got.Attempt != want.attempts+1 || (got.Superseded != "") != w.model.superseded(want) {
		t.Fatalf("take: %+v, want %+v", got, *want)
	}
	if rapid.Bool().Draw(t, "return") {
		w.live.Return(got.ID)
		return
	}
	want.state = queue.Sending
}

func (w *world) underway() []ID {
	var ids []ID
	for _, d := range w.model.list {
		if d.state == queue.Sending {
			ids = append(ids, d.id)
		}
	}
	return ids
}

// settle ends attempts that are under way, together, or moves their channels.
func (w *world) settle(t *rapid.T) {
	var entries []Entry
	for _, id := range w.underway() {
		if rapid.IntRange(0, 3).Draw(t, "move") == 0 {
			m := &Move{
				ID: id, Channel: w.model.find(id).target.Channel, Home: drawHome(t),
				Until: w.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute),
			}
			w.model.move(id, m.Home, m.Until)
			entries = append(entries, Entry{Move: m})
			continue
		}
		o := queue.Outcome{
			At:   w.now,
			Kind: rapid.SampledFrom([]queue.Kind{queue.Delivered, queue.Retry, queue.Retry, queue.Dead, queue.Dropped}).Draw(t, "kind"),
		}
		if o.Kind == queue.Retry {
			o.Due = w.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
		}
		if o.Kind != queue.Delivered {
			o.Reason = "it is " + string(o.Kind)
		}
		w.model.settle(id, o)
		entries = append(entries, Entry{Settle: &Settle{id, o}})
	}
	if len(entries) > 0 {
		w.append(t, entries...)
	}
}

func (w *world) resume(t *rapid.T) {
	r := &Resume{At: w.now}
	for _, d := range w.model.list {
		if d.state != queue.Sending && rapid.Bool().Draw(t, "chosen") {
			r.IDs = append(r.IDs, d.id)
		}
	}
	for _, id := range r.IDs {
		w.model.resume(w.now, id)
	}
	w.append(t, Entry{Resume: r})
}

func (w *world) put(t *rapid.T) {
	key, text := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key"), fmt.Sprint(w.last)
	w.model.memory[key] = text
	w.append(t, Entry{Put: &Put{"bucket", key, []byte(text)}})
}

func (w *world) wait(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute)
}

func (w *world) expire(t *rapid.T) {
	var entries []Entry
	for _, id := range w.live.Expired(w.now.Add(-2 * time.Hour)) {
		o := queue.Outcome{Kind: queue.Dropped, At: w.now}
		w.model.settle(id, o)
		entries = append(entries, Entry{Settle: &Settle{id, o}})
	}
	if len(entries) > 0 {
		w.append(t, entries...)
	}
}

// trim carries some of the first messages and drops them; sometimes it crashes in between.
func (w *world) trim(t *rapid.T) {
	if len(w.log) == 0 {
		return
	}
	n := rapid.IntRange(1, len(w.log)).Draw(t, "messages")
	carrier := w.live.Carry(w.now)
	for _, m := range w.log[:n] {
		carrier.Add(m.seq, split(t, m.data))
	}
	entries, err := carrier.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for len(entries) > 0 { // in as many messages as it takes
		k := rapid.IntRange(1, len(entries)).Draw(t, "entries")
		w.append(t, entries[:k]...)
		entries = entries[k:]
	}
	if rapid.IntRange(0, 3).Draw(t, "crash") > 0 {
		w.log = w.log[n:]
	}
}

func split(t *rapid.T, data []byte) []Entry {
	entries, err := Split(data)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func (w *world) replay(t *rapid.T) *State {
	s := New(remembered)
	for _, m := range w.log {
		s.Apply(m.seq, split(t, m.data))
	}
	return s
}

// restart goes on from the log: what was under way waits again.
func (w *world) restart(t *rapid.T) {
	w.live = w.replay(t)
	for shard, away := range w.model.away {
		w.live.Hold(shard, !away)
	}
	for _, d := range w.model.list {
		if d.state == queue.Sending {
			d.state = queue.Waiting
		}
	}
}

// hold gives a shard to another replica, or takes it back. It is no entry: replicas agree on it
// elsewhere.
func (w *world) hold(t *rapid.T) {
	shard := queue.Shard(drawHome(t), "", "", rapid.SampledFrom(channelNames).Draw(t, "channel"))
	held := rapid.Bool().Draw(t, "held")
	w.model.away[shard] = !held
	w.live.Hold(shard, held)
}

func (w *world) check(t *rapid.T) {
	w.compare(t, w.live, w.model.summaries())
	again := w.replay(t)
	afterRestart := w.model.summaries()
	for i := range afterRestart {
		if afterRestart[i].State == queue.Sending {
			afterRestart[i].State = queue.Waiting
		}
	}
	w.compare(t, again, afterRestart)
	counts := cmpopts.IgnoreFields(Stats{}, "Seen", "Live") // what has expired may not be forgotten yet
	if diff := cmp.Diff(w.live.Stats(), again.Stats(), counts); diff != "" {
		t.Fatalf("sizes (-live +replayed):\n%s", diff)
	}
	if n := len(w.model.list) + w.model.ended; n != w.model.accepted {
		t.Fatalf("%d deliveries are kept or ended, of %d accepted", n, w.model.accepted)
	}
}

func (w *world) compare(t *rapid.T, s *State, want []queue.Summary) {
	if diff := cmp.Diff(want, listed(s)); diff != "" {
		t.Fatalf("deliveries (-model +state):\n%s", diff)
	}
	for _, namespace := range []string{"one", "two"} {
		for _, route := range []string{"route-0", "route-1"} {
			byAddress := cmpopts.SortSlices(func(a, b queue.ChannelStatus) bool {
				return strings.Compare(a.Target.Address, b.Target.Address) < 0
			})
			diff := cmp.Diff(w.model.route(namespace, route), s.Channels(namespace, route, w.now),
				byAddress, cmpopts.EquateEmpty())
			if diff != "" {
				t.Fatalf("channels of %s/%s (-model +state):\n%s", namespace, route, diff)
			}
		}
	}
	for key, want := range w.model.memory {
		if got, ok := s.Get("bucket", key); !ok || string(got) != want {
			t.Fatalf("memory %s: %s, want %s", key, got, want)
		}
	}
	w.compareChannels(t, s)
}

func (w *world) compareChannels(t *rapid.T, s *State) {
	var names []string
	for name, c := range s.channels {
		names = append(names, name)
		if c.failing != w.model.failing[name] {
			t.Fatalf("%s failing: %v, want %v", name, c.failing, w.model.failing[name])
		}
		want := w.model.until[name]
		if until := fromNano(c.until); !until.Equal(want) && (c.until != 0 || !want.IsZero()) {
			t.Fatalf("%s pauses until %v, want %v", name, until, want)
		}
		if c.home != w.model.home[name] || c.shard != w.model.shard(name) || c.moves != w.model.moves[name] {
			t.Fatalf("%s has home %q and shard %d and was moved %d times, want %q, %d, %d", name, c.home, c.shard, c.moves,
				w.model.home[name], w.model.shard(name), w.model.moves[name])
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(w.model.channels(), names, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("channels (-model +state):\n%s", diff)
	}
}
