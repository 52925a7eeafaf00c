package simulation

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/queue/replica"
)

// authority grants shards to processes for as long as a lease lasts. It stands for what replicas agree
// on, and is never wrong; what can be wrong is what the engine and the dispatcher make of it.
type authority struct {
	lease time.Duration

	mu      sync.Mutex
	holders [queue.Shards]grant
	present map[*process]time.Time
}

type grant struct {
	to    *process
	until time.Time
}

func newAuthority(lease time.Duration) *authority {
	return &authority{lease: lease, present: map[*process]time.Time{}}
}

// renew extends what a process holds and returns its share: how many shards it should hold.
func (a *authority) renew(p *process, shards []int) (renewed []int, share int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.present[p] = now
	present := 0
	for _, seen := range a.present {
		if now.Sub(seen) < a.lease {
			present++
		}
	}
	for _, shard := range shards {
		if g := &a.holders[shard]; g.to == p && now.Before(g.until) {
			g.until = now.Add(a.lease)
			renewed = append(renewed, shard)
		}
	}
	return renewed, (queue.Shards + present - 1) / present
}

// take grants a process up to n shards that nobody holds.
func (a *authority) take(p *process, n int) (taken []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for shard := range a.holders {
		if g := &a.holders[shard]; len(taken) < n && !now.Before(g.until) {
			*g = grant{p, now.Add(a.lease)}
			taken = append(taken, shard)
		}
	}
	return taken
}

func (a *authority) release(p *process, shard int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := &a.holders[shard]; g.to == p {
		*g = grant{}
	}
}

func (a *authority) leave(p *process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.present, p)
}

// shards are what a process holds, by its own count: an engine.Shards, and the dispatcher's peers.
type shards struct {
	p      *process
	a      *authority
	engine *engine.Engine

	mu    sync.Mutex
	mine  map[int]*holding
	leave func(gone func(key string) bool) (quiet <-chan struct{})
}

// holding is a shard that the process holds.
type holding struct {
	until   time.Time
	open    bool            // its deliveries are handed out
	leaving bool            // it is given back as soon as nothing of it is under way
	quiet   <-chan struct{} // closed when nothing is connected on its behalf; nil until that begins
}

func newShards(p *process, a *authority) *shards {
	return &shards{p: p, a: a, mine: map[int]*holding{}}
}

// Sends implements engine.Shards.
func (s *shards) Sends(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.mine[shard]
	return ok && h.open && time.Now().Before(h.until)
}

// Owns implements engine.Shards.
func (s *shards) Owns(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.mine[shard]
	return ok && h.quiet == nil && time.Now().Before(h.until)
}

// Applied implements engine.Shards.
func (s *shards) Applied(*journal.Put) {}

// Holds implements dispatch.Peers.
func (s *shards) Holds(key string) bool { return s.Owns(queue.AccountShard(key)) }

// OnLeave implements dispatch.Peers.
func (s *shards) OnLeave(fn func(gone func(key string) bool) (quiet <-chan struct{})) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave = fn
}

// AskOwner implements dispatch.Peers.
func (s *shards) AskOwner(context.Context, string, string, []byte) ([]byte, error) {
	return nil, queue.ErrNoOwner
}

// Handle implements dispatch.Peers.
func (s *shards) Handle(string, replica.Handler) {}

// part has the connections on behalf of a shard ended.
func (s *shards) part(shard int) <-chan struct{} {
	s.mu.Lock()
	leave := s.leave
	s.mu.Unlock()
	if leave == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return leave(func(key string) bool { return queue.AccountShard(key) == shard })
}

// run renews, takes and gives back, until the process ends.
func (s *shards) run() {
	for n := uint64(0); ; n++ {
		if !s.p.sim.cutOff(s.p.replica) {
			s.round()
		}
		next := time.Now().Add(s.p.dice.of("round", n).duration(s.a.lease/8, s.a.lease/4))
		for time.Now().Before(next) {
			expiry := s.expire()
			if s.p.sleep(context.Background(), min(time.Until(next), max(time.Until(expiry), time.Millisecond))) != nil {
				return
			}
		}
	}
}

func (s *shards) round() {
	before := time.Now()
	renewed, share := s.a.renew(s.p, s.held(func(*holding) bool { return true }))
	s.mu.Lock()
	for _, shard := range renewed {
		if h, ok := s.mine[shard]; ok {
			h.until = before.Add(s.a.lease / 4 * 3)
		}
	}
	s.mu.Unlock()
	staying := s.held(func(h *holding) bool { return !h.leaving })
	if missing := share - len(staying); missing > 0 {
		for _, shard := range s.a.take(s.p, missing) {
			s.mu.Lock()
			s.mine[shard] = &holding{until: before.Add(s.a.lease / 4 * 3)}
			s.mu.Unlock()
		}
	} else {
		s.mu.Lock()
		for _, shard := range staying[:-missing] {
			s.mine[shard].leaving, s.mine[shard].open = true, false
		}
		s.mu.Unlock()
	}
	s.giveBack()
	s.handOut()
}

// held returns the shards that a process holds, as far as they are like that, in order.
func (s *shards) held(like func(*holding) bool) (held []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for shard, h := range s.mine {
		if like(h) {
			held = append(held, shard)
		}
	}
	slices.Sort(held)
	return held
}

// handOut begins to hand out what was taken, once everything that was stored before is known.
func (s *shards) handOut() {
	taken := s.held(func(h *holding) bool { return !h.open && !h.leaving })
	if len(taken) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.a.lease/4)
	defer cancel()
	if s.engine.Barrier(ctx) != nil {
		return
	}
	for _, shard := range taken {
		s.mu.Lock()
		h, ok := s.mine[shard]
		if ok {
			h.open = true
		}
		s.mu.Unlock()
		if ok {
			s.engine.Hold(shard, true)
		}
	}
}

// giveBack returns to the authority what is to be another's, when nothing of it is under way.
func (s *shards) giveBack() {
	for _, shard := range s.held(func(h *holding) bool { return h.leaving }) {
		if s.engine.Hold(shard, false) > 0 {
			continue
		}
		s.mu.Lock()
		h, ok := s.mine[shard]
		s.mu.Unlock()
		if !ok {
			continue
		}
		if h.quiet == nil {
			quiet := s.part(shard)
			s.mu.Lock()
			h.quiet = quiet
			s.mu.Unlock()
		}
		select {
		case <-h.quiet:
			s.mu.Lock()
			delete(s.mine, shard)
			s.mu.Unlock()
			s.a.release(s.p, shard)
		default:
		}
	}
}

// expire loses the shards whose lease has run out, and returns when the next one does.
func (s *shards) expire() (next time.Time) {
	now := time.Now()
	for _, shard := range s.held(func(h *holding) bool { return !now.Before(h.until) }) {
		s.mu.Lock()
		delete(s.mine, shard)
		s.mu.Unlock()
		s.engine.Lose(shard)
		s.part(shard)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next = now.Add(s.a.lease)
	for _, h := range s.mine {
		if h.until.Before(next) {
			next = h.until
		}
	}
	return next
}

// close gives everything back, when the dispatcher has ended.
func (s *shards) close() {
	for _, shard := range s.held(func(*holding) bool { return true }) {
		s.mu.Lock()
		delete(s.mine, shard)
		s.mu.Unlock()
		s.a.release(s.p, shard)
	}
	s.a.leave(s.p)
}
