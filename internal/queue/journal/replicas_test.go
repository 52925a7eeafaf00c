package journal

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// TestReplicasSendAChannelOneAtATime has replicas read one log, each as far as it happens to, take
// what they hold, and move channels to where their own tables say that they belong. No channel may be
// sent by two at once, and no build's events in another order than that of their acceptance.
func TestReplicasSendAChannelOneAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCrowd()
		t.Repeat(map[string]func(*rapid.T){
			"accept":   c.accept,
			"follow":   c.follow,
			"take":     c.take,
			"take too": c.take, // more often than the rest
			"settle":   c.settle,
			"settle 2": c.settle,
			"table":    c.changeTable,
			"handOver": c.handOver,
			"trim":     c.trim,
			"restart":  c.restart,
			"wait":     func(*rapid.T) { c.now = c.now.Add(time.Hour) },
			"":         c.agree,
		})
	})
}

// Few enough that replicas get into each other's way.
var crowdChannels, crowdHomes = channelNames[:1], homes[:2]

// crowd is a few replicas and their log. Like the engine, whoever appends has applied all before.
type crowd struct {
	now      time.Time
	log      []message
	last     uint64
	builds   int64
	replicas []*member
	holder   map[int]*member // of each shard
	arrived  map[string]int64
}

type member struct {
	name     int
	state    *State
	applied  uint64
	table    map[string]string // the home that each channel has in it
	attempts map[ID]*attempt
}

// attempt is one that is under way.
type attempt struct {
	Lease
	lost bool // its shard may be another's now
}

func newCrowd() *crowd {
	c := &crowd{now: noon, holder: map[int]*member{}, arrived: map[string]int64{}}
	for i := range 3 {
		m := &member{name: i, table: map[string]string{}}
		c.begin(m)
		c.replicas = append(c.replicas, m)
	}
	for _, name := range crowdChannels {
		for _, home := range crowdHomes {
			shard := queue.Shard(home, "", "", name)
			c.holder[shard] = c.replicas[0]
			c.replicas[0].state.Hold(shard, true)
		}
	}
	return c
}

// begin has m forget all but what it holds.
func (c *crowd) begin(m *member) {
	m.state, m.applied, m.attempts = New(remembered), 0, map[ID]*attempt{}
	if len(c.log) > 0 {
		m.applied = c.log[0].seq - 1
	}
	for shard := range queue.Shards {
		m.state.Hold(shard, c.holder[shard] == m)
	}
}

// apply has m read on, in part or to the end.
func (c *crowd) apply(t *rapid.T, m *member, upTo uint64) {
	if len(c.log) > 0 && c.log[0].seq > m.applied+1 {
		c.begin(m) // others have trimmed what it had not read; halfway it would be at no moment there was
		upTo = c.last
	}
	for _, message := range c.log {
		if message.seq > m.applied && message.seq <= upTo {
			effects := m.state.Apply(message.seq, split(t, message.data))
			m.applied = message.seq
			for _, id := range effects.Settled {
				delete(m.attempts, id)
			}
		}
	}
}

func (c *crowd) append(t *rapid.T, m *member, entries ...Entry) {
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			t.Fatal(err)
		}
	}
	c.last++
	c.log = append(c.log, message{c.last, Join(entries)})
	c.apply(t, m, c.last)
}

func (c *crowd) draw(t *rapid.T) *member {
	return rapid.SampledFrom(c.replicas).Draw(t, "replica")
}

func (c *crowd) drawShard(t *rapid.T) int {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(c.holder))).Draw(t, "shard")
}

func (c *crowd) accept(t *rapid.T) {
	m := c.draw(t)
	c.apply(t, m, c.last)
	c.builds++
	e := travis.Event{
		Repository: travis.Repository{ID: 1},
		Build:      travis.Build{ID: int64(rapid.IntRange(1, 2).Draw(t, "build")), Number: fmt.Sprint(c.builds), State: fmt.Sprint(c.builds)},
	}
	var targets []queue.Target
	for _, name := range crowdChannels {
		targets = append(targets, queue.Target{
			Namespace: "one", Route: name, Address: name, Channel: name, AccountKey: m.table[name],
		})
	}
	c.append(t, m, Entry{Accept: &Accept{At: c.now, Event: e, Offers: []queue.Offer{{Namespace: "one", Targets: targets}}}})
}

func (c *crowd) follow(t *rapid.T) {
	m := c.draw(t)
	if behind := int(c.last - m.applied); behind > 0 {
		c.apply(t, m, m.applied+uint64(rapid.IntRange(1, behind).Draw(t, "messages")))
	}
}

// take has some replicas take whatever they can.
func (c *crowd) take(t *rapid.T) {
	for _, m := range c.replicas {
		for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
			if rapid.IntRange(0, 3).Draw(t, "take") > 0 {
				c.takeOne(t, m, lane)
			}
		}
	}
}

func (c *crowd) takeOne(t *rapid.T, m *member, lane queue.Lane) {
	l, ok, _ := m.state.Take(lane, c.now)
	if !ok {
		return
	}
	for _, other := range c.replicas {
		for _, a := range other.attempts {
			if !a.lost && a.Target.Channel == l.Target.Channel {
				t.Fatalf("replica %d takes %s, which replica %d is sending", m.name, l.Target.Channel, other.name)
			}
		}
	}
	if c.holder[l.Shard] != m {
		t.Fatalf("replica %d takes %s of shard %d, which it does not hold", m.name, l.Target.Channel, l.Shard)
	}
	if line, number := m.event(t, l.ID); number <= c.arrived[line] {
		t.Fatalf("replica %d takes event %d again, which has arrived", m.name, number)
	}
	m.attempts[l.ID] = &attempt{Lease: l}
}

// settle ends one attempt, as its replica's own table has it.
func (c *crowd) settle(t *rapid.T) {
	m := c.draw(t)
	ids := slices.SortedFunc(maps.Keys(m.attempts), func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	if len(ids) == 0 {
		return
	}
	a := m.attempts[rapid.SampledFrom(ids).Draw(t, "attempt")]
	c.apply(t, m, c.last)
	if m.attempts[a.ID] != a {
		return // it is settled
	}
	channel := a.Target.Channel
	var entry Entry
	if home := m.table[channel]; home != a.Home {
		entry.Move = &Move{ID: a.ID, Channel: channel, Home: home, Until: c.now}
	} else {
		kind := rapid.SampledFrom([]queue.Kind{queue.Delivered, queue.Delivered, queue.Retry, queue.Dead}).Draw(t, "kind")
		entry.Settle = &Settle{a.ID, queue.Outcome{Kind: kind, At: c.now, Due: c.now.Add(time.Minute)}}
	}
	if a.lost { // see Engine.overruled; what has arrived all the same is a duplicate, and not told here
		delete(m.attempts, a.ID)
		return
	}
	if entry.Settle != nil && entry.Settle.Outcome.Kind == queue.Delivered {
		c.arrives(t, m, a)
	}
	c.append(t, m, entry)
}

func (c *crowd) arrives(t *rapid.T, m *member, a *attempt) {
	line, number := m.event(t, a.ID)
	if number <= c.arrived[line] {
		t.Fatalf("event %d arrived after %d in %s", number, c.arrived[line], a.Target.Channel)
	}
	c.arrived[line] = number
}

// event is the number of a delivery's event in its build and channel.
func (m *member) event(t *rapid.T, id ID) (line string, number int64) {
	d := m.state.deliveries[id]
	if _, err := fmt.Sscan(d.record.number, &number); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(d.to.Channel, d.record.buildID), number
}

func (c *crowd) changeTable(t *rapid.T) {
	c.draw(t).table[rapid.SampledFrom(crowdChannels).Draw(t, "channel")] = rapid.SampledFrom(crowdHomes).Draw(t, "home")
}

// handOver gives a shard to another replica: when nothing of it is under way, or because its lease has
// run out.
func (c *crowd) handOver(t *rapid.T) {
	shard, to := c.drawShard(t), c.draw(t)
	from := c.holder[shard]
	from.state.Hold(shard, false)
	for id, a := range from.attempts {
		if a.Shard == shard {
			a.lost = true
			from.state.Return(id)
		}
	}
	c.holder[shard] = to
	c.apply(t, to, c.last)
	to.state.Hold(shard, true)
}

func (c *crowd) trim(t *rapid.T) {
	if len(c.log) == 0 {
		return
	}
	m := c.draw(t)
	c.apply(t, m, c.last)
	n := rapid.IntRange(1, len(c.log)).Draw(t, "messages")
	carrier := m.state.Carry(c.now)
	for _, message := range c.log[:n] {
		carrier.Add(message.seq, split(t, message.data))
	}
	entries, err := carrier.Entries()
	if err != nil {
		t.Fatal(err)
	}
	c.append(t, m, entries...) // an empty message if nothing is alive
	c.log = c.log[n:]
}

// restart: what is under way is forgotten, and the shards stay those of the one that comes back.
func (c *crowd) restart(t *rapid.T) {
	m := c.draw(t)
	c.begin(m)
	c.apply(t, m, c.last)
}

// agree: a replica that has read as far as one that begins now knows the same.
func (c *crowd) agree(t *rapid.T) {
	fresh := &member{table: map[string]string{}}
	c.begin(fresh)
	c.apply(t, fresh, c.last)
	for _, m := range c.replicas {
		if m.applied != c.last {
			continue
		}
		for _, name := range crowdChannels {
			is, want := m.state.channels[name], fresh.state.channels[name]
			if (is == nil) != (want == nil) || is != nil && (is.shard != want.shard || is.home != want.home || is.moves != want.moves || is.until != want.until) {
				t.Fatalf("replica %d has %s as %+v, one that begins now as %+v", m.name, name, is, want)
			}
		}
	}
}
