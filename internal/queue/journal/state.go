package journal

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// statusKept is how long a route's channel is remembered after its last event.
const statusKept = 30 * 24 * time.Hour

// State is the state that results from the entries. It is not safe for concurrent use.
type State struct {
	remember time.Duration

	deliveries   map[ID]*delivery
	repositories map[string]*repository // by lower-case slug
	routes       map[routeKey][]*status
	targets      []*target // with deliveries, in no order
	oldest       heap[*record]
	builds       map[ID]*build
	histories    map[ID]*branchHistory
	messages     map[ID]*shownMessage
	channels     map[channelKey]*channel
	destinations map[Place]*destination
	idle         heap[*destination] // those that are remembered for their condition alone
	namespaces   map[string]*namespace
	values       map[valueKey]*value
	losses       []loss

	lanes    [2]lane
	attempts map[ID]*attempt // under way
	served   uint64          // attempts handed out so far
	// elsewhere are the shards whose deliveries another replica hands out.
	elsewhere [queue.Shards]bool

	waiting, dead int // deliveries; those being sent count as waiting
	used          usage
	expected      usage // outcomes of deliveries that have none yet
}

// New returns an empty state that remembers builds for that long.
func New(remember time.Duration) *State {
	return &State{
		remember:     remember,
		deliveries:   map[ID]*delivery{},
		repositories: map[string]*repository{},
		routes:       map[routeKey][]*status{},
		builds:       map[ID]*build{},
		histories:    map[ID]*branchHistory{},
		messages:     map[ID]*shownMessage{},
		channels:     map[channelKey]*channel{},
		destinations: map[Place]*destination{},
		namespaces:   map[string]*namespace{},
		values:       map[valueKey]*value{},
		attempts:     map[ID]*attempt{},
	}
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

type valueKey struct{ bucket, key string }

// value of the key-value store.
type value struct {
	data   []byte
	origin uint64
}

func (s *State) put(seq uint64, p *Put) {
	key := valueKey{p.Bucket, p.Key}
	if old, ok := s.values[key]; ok {
		s.used.add(old.size(key).times(-1))
	}
	v := &value{data: p.Value, origin: seq}
	s.values[key] = v
	s.used.add(v.size(key))
}

// Get returns a value. It must not be changed.
func (s *State) Get(bucket, key string) ([]byte, bool) {
	v, ok := s.values[valueKey{bucket, key}]
	if !ok {
		return nil, false
	}
	return v.data, true
}

// Stats are the sizes of the state.
type Stats struct {
	Waiting, Dead, Channels, Builds int
	// Live estimates the bytes that would remain in the log if everything that has ended were purged.
	Live int64
	// Memory estimates the bytes of memory that the state takes.
	Memory int64
}

// Stats returns the sizes of the state.
func (s *State) Stats() Stats {
	return Stats{
		Waiting: s.waiting, Dead: s.dead, Channels: len(s.channels), Builds: len(s.builds),
		Live: s.used.bytes, Memory: s.used.memory,
	}
}

// Counts counts the kept deliveries.
func (s *State) Counts() queue.Counts {
	n := queue.Counts{Waiting: s.waiting, Dead: s.dead}
	for id, a := range s.attempts {
		if s.deliveries[id] == a.delivery && a.delivery.state == sending {
			n.Sending++
			n.Waiting--
		}
	}
	if len(s.oldest) > 0 {
		n.Oldest = fromNano(s.oldest[0].arrived)
	}
	return n
}

func fromNano(n int64) time.Time { return time.Unix(0, n).UTC() }

// nanoOrZero and timeOrZero keep the zero time.
func nanoOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOrZero(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromNano(n)
}
