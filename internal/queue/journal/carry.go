package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// keptPerEntry bounds the size of an entry that carries an event with many deliveries.
const keptPerEntry = 200

// Carrier gathers what is alive of messages at the log's beginning. When its entries have been
// appended and applied, with nothing else in between, the messages can go.
type Carrier struct {
	state *State
	now   time.Time

	kept     []Entry
	seen     []Seen
	puts     []Entry
	statuses map[*status]bool
	channels map[*channel]bool
	ordered  []Entry // statuses and channels, in the order in which they were met
	size     int
}

// Carry begins to gather.
func (s *State) Carry(now time.Time) *Carrier {
	return &Carrier{state: s, now: now, statuses: map[*status]bool{}, channels: map[*channel]bool{}}
}

// Add gathers what is alive of the message seq.
func (c *Carrier) Add(seq uint64, entries []Entry) {
	for i := range entries {
		c.add(Position{seq, i}, &entries[i])
	}
}

func (c *Carrier) add(at Position, e *Entry) {
	switch {
	case e.Accept != nil:
		c.accept(at, e.Accept)
	case e.Kept != nil:
		c.keep(at, e.Kept)
	case e.Put != nil:
		if v := c.state.memory[memoryKey{e.Put.Bucket, e.Put.Key}]; v.origin == at.Seq {
			c.puts = append(c.puts, Entry{Put: &Put{e.Put.Bucket, e.Put.Key, v.data}})
			c.size += len(v.data)*4/3 + seenBytes
		}
	case e.Seen != nil:
		for _, seen := range e.Seen {
			c.addSeen(at.Seq, seen.Key)
		}
	case e.Status != nil:
		c.addStatus(at.Seq, &e.Status.Target)
	case e.Channel != nil:
		c.addChannel(e.Channel.Name)
	case e.Loss != nil:
		c.addLoss(at.Seq, e.Loss)
	}
}

func (c *Carrier) accept(at Position, a *Accept) {
	event := EventID(&a.Event)
	kept := Kept{At: a.At, Event: a.Event, Seq: at.Seq, Index: at.Index}
	place := 0
	for i := range a.Offers {
		c.addSeen(at.Seq, SeenID(event, a.Offers[i].Namespace))
		for j := range a.Offers[i].Targets {
			c.addDelivery(at, &kept, event, &a.Offers[i].Targets[j], place)
			place++
		}
	}
	c.addKept(kept)
}

func (c *Carrier) keep(at Position, k *Kept) {
	event := EventID(&k.Event)
	kept := Kept{At: k.At, Event: k.Event, Seq: k.Seq, Index: k.Index}
	for i := range k.Deliveries {
		c.addDelivery(at, &kept, event, &k.Deliveries[i].Target, k.Deliveries[i].Place)
	}
	c.addKept(kept)
}

func (c *Carrier) addDelivery(at Position, kept *Kept, event ID, t *queue.Target, place int) {
	c.addStatus(at.Seq, t)
	c.addChannel(t.Channel)
	d, ok := c.state.deliveries[DeliveryID(event, t)]
	if !ok || d.record.at != at || int(d.place) != place {
		return
	}
	kept.Deliveries = append(kept.Deliveries, KeptDelivery{
		Place: place, Target: bare(t), Attempts: int(d.attempts),
		Since: fromNano(d.since), Due: fromNano(d.due), Last: d.last, Dead: d.state == dead,
	})
	c.size += deliveryBytes
}

func (c *Carrier) addKept(k Kept) {
	all := k.Deliveries
	for len(all) > 0 {
		n := min(keptPerEntry, len(all))
		part := k
		part.Deliveries, all = all[:n], all[n:]
		c.kept = append(c.kept, Entry{Kept: &part})
		c.size += len(k.Event.Commit.Message) + seenBytes*(10+len(k.Event.Jobs))
	}
}

func (c *Carrier) addSeen(seq uint64, key ID) {
	was, ok := c.state.seen[key]
	if !ok || was.origin != seq {
		return
	}
	if c.now.UnixNano()-was.at >= int64(c.state.remember) {
		delete(c.state.seen, key)
		return
	}
	c.seen = append(c.seen, Seen{key, fromNano(was.at)})
	c.size += seenBytes
}

func (c *Carrier) addStatus(seq uint64, t *queue.Target) {
	st, ok := c.state.findStatus(t)
	if !ok || c.statuses[st] || st.origin != seq && !st.changed {
		return
	}
	if st.unused(c.now.UnixNano()) && st.waiting+st.dead == 0 {
		c.state.forgetStatus(st)
		return
	}
	c.statuses[st] = true
	c.ordered = append(c.ordered, Entry{Status: &Status{
		Target: st.target, Used: fromNano(st.used),
		Delivered: st.delivered, Failure: st.failure, Failures: st.failures,
	}})
	c.size += statusBytes
}

// addChannel carries every channel that something waits in: a replay may miss the attempts and
// moves that made it what it is, find it empty for a while and forget it, or have it begin with
// another delivery than it did, which has another home.
func (c *Carrier) addChannel(name string) {
	ch, ok := c.state.channels[name]
	if !ok || c.channels[ch] {
		return
	}
	c.channels[ch] = true
	c.ordered = append(c.ordered, Entry{Channel: &Channel{
		Name: name, Home: ch.home, Moves: ch.moves,
		Failing: ch.failing, Until: fromNano(ch.until), At: fromNano(ch.told),
	}})
	c.size += seenBytes
}

// Size estimates the bytes of what was gathered so far.
func (c *Carrier) Size() int { return c.size }

// Entries are what must be appended, encoded. Deliveries come first: channels stand on them.
func (c *Carrier) Entries() ([]Entry, error) {
	entries := append(c.kept, c.puts...)
	if len(c.seen) > 0 {
		entries = append(entries, Entry{Seen: c.seen})
	}
	entries = append(entries, c.ordered...)
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
