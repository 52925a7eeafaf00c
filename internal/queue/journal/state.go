package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// statusKept is for how long a route's channel that no event was accepted for is remembered.
const statusKept = 30 * 24 * time.Hour

// State is what the entries so far add up to. It is not safe for concurrent use.
type State struct {
	remember time.Duration

	seen       map[ID]seenAt
	deliveries map[ID]*delivery
	targets    map[queue.Target]*target
	routes     map[routeKey][]*status
	channels   map[string]*channel
	memory     map[memoryKey]*value
	lanes      [2]lane
	// elsewhere are the shards whose deliveries another replica hands out.
	elsewhere [queue.Shards]bool

	waiting, dead int
	losses        []loss
	statuses      int
	recordBytes   int64 // of entries whose event is still needed
	memoryBytes   int64
}

// New makes an empty state, which takes a build event for seen before for as long as remember.
func New(remember time.Duration) *State {
	return &State{
		remember:   remember,
		seen:       map[ID]seenAt{},
		deliveries: map[ID]*delivery{},
		targets:    map[queue.Target]*target{},
		routes:     map[routeKey][]*status{},
		channels:   map[string]*channel{},
		memory:     map[memoryKey]*value{},
	}
}

// seenAt is when a build event was accepted, and the message that tells so.
type seenAt struct {
	at     int64 // nanoseconds since 1970, as all times in the state: a third of a time.Time
	origin uint64
}

// record is what is kept in memory of an event: where to read it, and what lists show of it.
type record struct {
	at      Position // where the event can be read
	born    Position // where it was accepted; with the place, the order of deliveries
	size    int
	needed  int // deliveries that have not ended
	event   ID
	arrived int64
	repoID  int64
	buildID int64
	slug    string
	number  string
	result  travis.Result
}

// Position is an entry's place in the log.
type Position struct {
	Seq   uint64
	Index int
}

func (p Position) compare(o Position) int {
	switch {
	case p.Seq != o.Seq:
		if p.Seq < o.Seq {
			return -1
		}
		return 1
	default:
		return p.Index - o.Index
	}
}

// delivery is one that has not ended. It holds no text of the event: a hundred thousand
// that wait for a dead service must cost megabytes, not hundreds of them.
type delivery struct {
	id       ID
	record   *record
	to       *target
	next     *delivery // of the same build in the same channel
	last     *queue.Outcome
	due      int64
	since    int64
	place    int32
	attempts int32
	state    phase
}

type phase uint8

const (
	waiting phase = iota
	sending       // known to this process only: after a restart it waits
	dead
)

// before is the order of acceptance.
func (d *delivery) before(o *delivery) bool {
	if c := d.record.born.compare(o.record.born); c != 0 {
		return c < 0
	}
	return d.place < o.place
}

// target is one that deliveries refer to, held once for all of them.
type target struct {
	queue.Target
	refs   int
	status *status
}

type memoryKey struct{ bucket, key string }

type value struct {
	data   []byte
	origin uint64
}

// Seen reports whether the namespace has had the event.
func (s *State) Seen(event ID, namespace string, now time.Time) bool {
	was, ok := s.seen[SeenID(event, namespace)]
	return ok && now.UnixNano()-was.at < int64(s.remember)
}

// Get returns a value of the memory. It must not be changed.
func (s *State) Get(bucket, key string) ([]byte, bool) {
	v, ok := s.memory[memoryKey{bucket, key}]
	if !ok {
		return nil, false
	}
	return v.data, true
}

// Stats are the sizes of the state.
type Stats struct {
	Waiting, Dead, Channels, Seen int
	// Live estimates the bytes that would remain in the log if all that has ended were dropped.
	Live int64
}

// Bytes in the log of what is carried, beside the texts of events: generous, for to think too
// much alive costs space, and too little would copy the same bytes again and again.
const (
	deliveryBytes = 250
	seenBytes     = 90
	statusBytes   = 500
)

// Stats returns the sizes of the state.
func (s *State) Stats() Stats {
	return Stats{
		Waiting:  s.waiting,
		Dead:     s.dead,
		Channels: len(s.channels),
		Seen:     len(s.seen),
		Live: s.recordBytes + s.memoryBytes + int64(len(s.deliveries))*deliveryBytes +
			int64(len(s.seen))*seenBytes + int64(s.statuses)*statusBytes,
	}
}

func fromNano(n int64) time.Time { return time.Unix(0, n).UTC() }

// Fresh divides the offers of an event: into those that an Accept must tell, without targets
// that have the event waiting or dead already, and the namespaces that have had it.
func (s *State) Fresh(event ID, offers []queue.Offer, now time.Time) (fresh []queue.Offer, seen []string) {
	for _, offer := range offers {
		var targets []queue.Target
		if !s.Seen(event, offer.Namespace, now) {
			for _, t := range offer.Targets {
				if _, kept := s.deliveries[DeliveryID(event, &t)]; !kept {
					targets = append(targets, t)
				}
			}
		}
		if len(targets) == 0 {
			seen = append(seen, offer.Namespace)
			continue
		}
		fresh = append(fresh, queue.Offer{Namespace: offer.Namespace, Targets: targets})
	}
	return fresh, seen
}
