package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// keptPerEntry limits the deliveries in an entry that carries an event, and buildsPerEntry the builds in an
// entry that carries builds.
const (
	keptPerEntry   = 200
	buildsPerEntry = 500
)

// Carrier collects the live parts of messages at the log's beginning. When its entries have been appended
// and applied, with nothing else in between, the messages can be purged.
type Carrier struct {
	state *State
	now   time.Time

	kept       []Entry
	builds     []Build
	values     []Entry
	known      map[*build]bool
	histories  map[*branchHistory]bool
	messages   map[*shownMessage]bool
	statuses   map[*status]bool
	channels   map[*channel]bool
	conditions map[*destination]bool
	ordered    []Entry // histories, statuses, channels and conditions, in the order in which they were met
	size       int
}

// Carry returns an empty Carrier.
func (s *State) Carry(now time.Time) *Carrier {
	return &Carrier{
		state: s, now: now, known: map[*build]bool{}, histories: map[*branchHistory]bool{}, messages: map[*shownMessage]bool{},
		statuses: map[*status]bool{}, channels: map[*channel]bool{}, conditions: map[*destination]bool{},
	}
}

// Add collects the live parts of the message seq.
func (c *Carrier) Add(seq uint64, entries []Entry) {
	for i := range entries {
		c.add(Position{seq, i}, &entries[i])
	}
}

func (c *Carrier) add(at Position, e *Entry) {
	switch {
	case e.Accept != nil:
		c.accept(at, e.Accept)
	case e.Finish != nil:
		c.addHistory(at.Seq, HistoryID(&e.Finish.Event, e.Finish.Namespace))
	case e.Settle != nil:
		c.addCondition(at.Seq, e.Settle.Place)
		if m := e.Settle.Message; m != nil {
			c.addMessage(at.Seq, m.Key)
		}
	case e.Redrive != nil:
		c.addConditions(at.Seq, e.Redrive.Places)
	case e.Wake != nil:
		c.addConditions(at.Seq, e.Wake.Places)
	case e.Put != nil:
		c.addValue(at.Seq, e.Put)
	case e.Loss != nil:
		c.addLoss(at.Seq, e.Loss)
	default:
		c.addCarried(at, e)
	}
}

// addCarried gathers what was carried before.
func (c *Carrier) addCarried(at Position, e *Entry) {
	switch {
	case e.Kept != nil:
		c.keep(at, e.Kept)
	case e.Builds != nil:
		for i := range e.Builds {
			c.addBuild(at.Seq, e.Builds[i].Key)
		}
	case e.History != nil:
		c.addHistory(at.Seq, e.History.Key)
	case e.Message != nil:
		c.addMessage(at.Seq, e.Message.Key)
	case e.Condition != nil:
		c.addCondition(at.Seq, e.Condition.Place)
	case e.Status != nil:
		c.addStatus(at.Seq, &e.Status.Target)
	case e.Channel != nil:
		c.addChannel(channelKey{e.Channel.Namespace, e.Channel.Name})
	}
}

func (c *Carrier) addValue(seq uint64, p *Put) {
	key := valueKey{p.Bucket, p.Key}
	if v, ok := c.state.values[key]; ok && v.origin == seq {
		c.values = append(c.values, Entry{Put: &Put{p.Bucket, p.Key, v.data}})
		c.size += int(v.size(key).bytes)
	}
}

func (c *Carrier) accept(at Position, a *Accept) {
	event := EventID(&a.Event)
	c.addBuild(at.Seq, SeenID(BuildID(&a.Event), a.Namespace))
	c.addHistory(at.Seq, HistoryID(&a.Event, a.Namespace))
	kept := Kept{At: a.At, Namespace: a.Namespace, Event: a.Event, Seq: at.Seq, Index: at.Index}
	for i := range a.Targets {
		c.addDelivery(at, &kept, event, &a.Targets[i], i)
	}
	c.addKept(kept)
}

func (c *Carrier) keep(at Position, k *Kept) {
	event := EventID(&k.Event)
	kept := Kept{At: k.At, Namespace: k.Namespace, Event: k.Event, Seq: k.Seq, Index: k.Index}
	for i := range k.Deliveries {
		c.addDelivery(at, &kept, event, &k.Deliveries[i].Target, k.Deliveries[i].TargetIndex)
	}
	c.addKept(kept)
}

func (c *Carrier) addDelivery(at Position, kept *Kept, event ID, t *queue.Target, targetIndex int) {
	c.addStatus(at.Seq, t)
	c.addChannel(keyOf(t))
	d, ok := c.state.deliveries[DeliveryID(event, t)]
	if !ok || d.record.at != at || int(d.targetIndex) != targetIndex {
		return
	}
	kept.Deliveries = append(kept.Deliveries, KeptDelivery{
		TargetIndex: targetIndex, Target: bare(t), Attempts: int(d.attempts),
		Since: fromNano(d.since), Due: fromNano(d.due), Last: d.last, Dead: d.state == dead,
	})
	c.size += int(d.usage().bytes)
}

func (c *Carrier) addKept(k Kept) {
	all := k.Deliveries
	for len(all) > 0 {
		n := min(keptPerEntry, len(all))
		part := k
		part.Deliveries, all = all[:n], all[n:]
		c.kept = append(c.kept, Entry{Kept: &part})
		c.size += len(k.Event.Commit.Message) + 90*(10+len(k.Event.Jobs))
	}
}

func (c *Carrier) addBuild(seq uint64, key ID) {
	b, ok := c.state.builds[key]
	if !ok || c.known[b] || b.origin != seq && !b.changed {
		return
	}
	if c.state.forgotten(b, c.now.UnixNano()) {
		c.state.forgetBuild(key, b)
		return
	}
	c.known[b] = true
	c.builds = append(c.builds, Build{
		Key: key, Namespace: b.namespace.name, At: b.at, Started: b.started, Finished: b.finished, States: b.states,
	})
	c.size += int(buildUsage.bytes)
}

func (c *Carrier) addStatus(seq uint64, t *queue.Target) {
	st, ok := c.state.findStatus(t)
	if !ok || c.statuses[st] || st.origin != seq && !st.changed {
		return
	}
	if st.unused(c.now.UnixNano()) && st.kept() == 0 {
		c.state.forgetStatus(st)
		return
	}
	c.statuses[st] = true
	c.ordered = append(c.ordered, Entry{Status: &Status{
		Target: st.target, Used: fromNano(st.used),
		Delivered: st.delivered, Failure: st.failure, Failures: st.failures,
	}})
	c.size += int(statusUsage.bytes)
}

// addChannel carries every channel that something waits in: a replay may miss the entries that made
// it what it is, find it empty for a while and forget it, or have it begin with another delivery than
// it did, which has another destination.
func (c *Carrier) addChannel(key channelKey) {
	ch, ok := c.state.channels[key]
	if !ok || c.channels[ch] {
		return
	}
	c.channels[ch] = true
	c.ordered = append(c.ordered, Entry{Channel: &Channel{
		Namespace: key.namespace, Name: key.name, AccountKey: ch.accountKey, Destination: ch.destination,
		Reassignments: ch.reassignments, Until: timeOrZero(ch.until), At: timeOrZero(ch.paused),
		Condition: ch.flow.destination.backoff(),
	}})
	c.size += int(channelUsage.bytes)
}

func (c *Carrier) addConditions(seq uint64, places []Place) {
	for _, p := range places {
		c.addCondition(seq, p)
	}
}

func (c *Carrier) addCondition(seq uint64, p Place) {
	d, ok := c.state.destinations[p]
	if !ok || c.conditions[d] || d.setAt == 0 || d.origin != seq && !d.changed {
		return
	}
	if d.over(c.now.UnixNano()) {
		c.state.setCondition(p, condition{})
		return
	}
	c.conditions[d] = true
	c.ordered = append(c.ordered, Entry{Condition: &Condition{Place: p, Backoff: d.backoff()}})
	c.size += int(channelUsage.bytes)
}

// Size estimates the collected bytes.
func (c *Carrier) Size() int { return c.size }

// Entries returns the encoded entries to append. Deliveries come first, because channels depend on them.
func (c *Carrier) Entries() ([]Entry, error) {
	entries := append(c.kept, c.values...)
	for all := c.builds; len(all) > 0; {
		n := min(buildsPerEntry, len(all))
		entries = append(entries, Entry{Builds: all[:n:n]})
		all = all[n:]
	}
	entries = append(entries, c.ordered...)
	for i := range entries {
		if err := entries[i].Encode(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}
