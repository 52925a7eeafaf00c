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

// TestReplicasSendToADestinationOneAtATime has replicas read one log, each up to some message, take the
// deliveries of their shards, and reassign channels by their own tables. No two may send to a channel or a
// destination at once, and a build's events must be sent in the order of their acceptance.
func TestReplicasSendToADestinationOneAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster()
		t.Repeat(map[string]func(*rapid.T){
			"accept":   c.accept,
			"follow":   c.follow,
			"take":     c.take,
			"take too": c.take, // more often than others
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

// Few enough that replicas conflict.
var (
	clusterChannels = testChannels
	clusterPlaces   = testPlaces[:2]
)

// cluster is a few replicas and their log. As in the engine, a replica applies all messages before it appends.
type cluster struct {
	now      time.Time
	log      []message
	last     uint64
	builds   int64
	replicas []*member
	owner    map[int]*member // of each shard
	arrived  map[string]int64
}

type member struct {
	name     int
	state    *State
	applied  uint64
	table    map[string][2]string // the account key and destination of each channel
	attempts map[ID]*replicaAttempt
}

// replicaAttempt is one that is under way.
type replicaAttempt struct {
	Lease
	lost bool // another replica may own its shard now
}

func newCluster() *cluster {
	c := &cluster{now: noon, owner: map[int]*member{}, arrived: map[string]int64{}}
	for i := range 3 {
		m := &member{name: i, table: map[string][2]string{}}
		c.begin(m)
		c.replicas = append(c.replicas, m)
	}
	for _, name := range clusterChannels {
		for _, p := range clusterPlaces {
			shard := queue.Shard(p[0], p[1], "one", name)
			c.owner[shard] = c.replicas[0]
			c.replicas[0].state.SetSends(shard, true)
		}
	}
	return c
}

// begin resets m, except for the shards that it owns.
func (c *cluster) begin(m *member) {
	m.state, m.applied, m.attempts = New(remembered), 0, map[ID]*replicaAttempt{}
	if len(c.log) > 0 {
		m.applied = c.log[0].seq - 1
	}
	for shard := range queue.Shards {
		m.state.SetSends(shard, c.owner[shard] == m)
	}
}

// apply has m read further messages, some or all.
func (c *cluster) apply(t *rapid.T, m *member, upTo uint64) {
	if len(c.log) > 0 && c.log[0].seq > m.applied+1 {
		c.begin(m) // others have trimmed messages that it had not read; before the end its state would be inconsistent
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

func (c *cluster) append(t *rapid.T, m *member, entries ...Entry) {
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			t.Fatal(err)
		}
	}
	c.last++
	c.log = append(c.log, message{c.last, Join(entries)})
	c.apply(t, m, c.last)
}

func (c *cluster) draw(t *rapid.T) *member {
	return rapid.SampledFrom(c.replicas).Draw(t, "replica")
}

func (c *cluster) drawShard(t *rapid.T) int {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(c.owner))).Draw(t, "shard")
}

func (c *cluster) accept(t *rapid.T) {
	m := c.draw(t)
	c.apply(t, m, c.last)
	c.builds++
	e := travis.Event{
		Repository: travis.Repository{ID: 1},
		Build:      travis.Build{ID: int64(rapid.IntRange(1, 2).Draw(t, "build")), Number: fmt.Sprint(c.builds), State: fmt.Sprint(c.builds)},
	}
	var targets []queue.Target
	for _, name := range clusterChannels {
		targets = append(targets, queue.Target{
			Namespace: "one", Route: name, Address: name, Channel: name, AccountKey: m.table[name][0], Destination: m.table[name][1],
		})
	}
	c.append(t, m, Entry{Accept: &Accept{At: c.now, Namespace: "one", Event: e, Targets: targets}})
}

func (c *cluster) follow(t *rapid.T) {
	m := c.draw(t)
	if behind := int(c.last - m.applied); behind > 0 {
		c.apply(t, m, m.applied+uint64(rapid.IntRange(1, behind).Draw(t, "messages")))
	}
}

// take has some replicas take all they can.
func (c *cluster) take(t *rapid.T) {
	for _, m := range c.replicas {
		for _, lane := range []queue.Lane{queue.Healthy, queue.Probation} {
			if rapid.IntRange(0, 3).Draw(t, "take") > 0 {
				c.takeOne(t, m, lane)
			}
		}
	}
}

func (c *cluster) takeOne(t *rapid.T, m *member, lane queue.Lane) {
	l, ok, _ := m.state.Take(lane, c.now)
	if !ok {
		return
	}
	for _, other := range c.replicas {
		for _, a := range other.attempts {
			if !a.lost && (a.Target.Channel == l.Target.Channel || a.Place == l.Place) {
				t.Fatalf("replica %d takes %s for %+v, which replica %d is sending to", m.name, l.Target.Channel, l.Place, other.name)
			}
		}
	}
	if c.owner[l.Shard] != m {
		t.Fatalf("replica %d takes %s of shard %d, which it does not own", m.name, l.Target.Channel, l.Shard)
	}
	if line, number := m.event(t, l.ID); number <= c.arrived[line] {
		t.Fatalf("replica %d takes event %d again, which has arrived", m.name, number)
	}
	m.attempts[l.ID] = &replicaAttempt{Lease: l}
}

// settle ends one attempt, according to its replica's table.
func (c *cluster) settle(t *rapid.T) {
	m := c.draw(t)
	ids := slices.SortedFunc(maps.Keys(m.attempts), func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	if len(ids) == 0 {
		return
	}
	a := m.attempts[rapid.SampledFrom(ids).Draw(t, "attempt")]
	c.apply(t, m, c.last)
	if m.attempts[a.ID] != a {
		return // settled
	}
	channel := a.Target.Channel
	var entry Entry
	if p := m.table[channel]; p != c.placeOf(a) {
		entry.Reassign = &Reassign{ID: a.ID, Namespace: "one", Channel: channel, AccountKey: p[0], Destination: p[1], At: c.now, Until: c.now}
	} else {
		kind := rapid.SampledFrom([]queue.Kind{queue.Delivered, queue.Delivered, queue.Retry, queue.Dead}).Draw(t, "kind")
		entry.Settle = &Settle{ID: a.ID, Outcome: queue.Outcome{Kind: kind, At: c.now, Due: c.now.Add(time.Minute)}, Place: a.Place}
	}
	if a.lost { // see Engine.overruled; a message that arrived nevertheless is a duplicate, which is not checked here
		delete(m.attempts, a.ID)
		return
	}
	if entry.Settle != nil && entry.Settle.Outcome.Kind == queue.Delivered {
		c.arrives(t, m, a)
	}
	c.append(t, m, entry)
}

func (c *cluster) arrives(t *rapid.T, m *member, a *replicaAttempt) {
	line, number := m.event(t, a.ID)
	if number <= c.arrived[line] {
		t.Fatalf("event %d arrived after %d in %s", number, c.arrived[line], a.Target.Channel)
	}
	c.arrived[line] = number
}

// event returns the number of a delivery's event in its build and channel.
func (m *member) event(t *rapid.T, id ID) (line string, number int64) {
	d := m.state.deliveries[id]
	if _, err := fmt.Sscan(d.record.number, &number); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(d.to.Channel, d.record.buildID), number
}

func (c *cluster) changeTable(t *rapid.T) {
	c.draw(t).table[rapid.SampledFrom(clusterChannels).Draw(t, "channel")] = rapid.SampledFrom(clusterPlaces).Draw(t, "place")
}

// handOver gives a shard to another replica: when none of its attempts is under way, or because the lease has
// expired.
func (c *cluster) handOver(t *rapid.T) {
	shard, to := c.drawShard(t), c.draw(t)
	from := c.owner[shard]
	from.state.SetSends(shard, false)
	for id, a := range from.attempts {
		if a.Shard == shard {
			a.lost = true
			from.state.Return(id)
		}
	}
	c.owner[shard] = to
	c.apply(t, to, c.last)
	to.state.SetSends(shard, true)
}

func (c *cluster) trim(t *rapid.T) {
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

// restart restarts a replica: its attempts are forgotten, and it keeps its shards.
func (c *cluster) restart(t *rapid.T) {
	m := c.draw(t)
	c.begin(m)
	c.apply(t, m, c.last)
}

// placeOf is the account key and destination that an attempt was handed out with.
func (c *cluster) placeOf(a *replicaAttempt) [2]string {
	return [2]string{a.Place.AccountKey, a.Place.Destination}
}

// agree checks that a replica's state equals one that is replayed up to the same message.
func (c *cluster) agree(t *rapid.T) {
	fresh := &member{table: map[string][2]string{}}
	c.begin(fresh)
	c.apply(t, fresh, c.last)
	for _, m := range c.replicas {
		if m.applied != c.last {
			continue
		}
		for _, name := range clusterChannels {
			key := channelKey{"one", name}
			is, want := m.state.channels[key], fresh.state.channels[key]
			if (is == nil) != (want == nil) || is != nil && (is.place() != want.place() || is.reassignments != want.reassignments || is.until != want.until) {
				t.Fatalf("replica %d has %s as %+v, one that begins now as %+v", m.name, name, is, want)
			}
		}
	}
}
