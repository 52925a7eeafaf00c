package jetstream

import (
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// leads reports whether this is the replica that trims the log and drops what is dead for long.
// Two that think so for a moment do no harm: each append names the message it follows.
func (e *Engine) leads() bool {
	return e.peers == nil || e.peers.keeper.valid(0)
}

// Leads reports whether this replica is the one that does what one is enough for.
func (e *Engine) Leads() bool { return e.leads() }

// hold has Take hand out a shard's deliveries, or stop doing so; it tells how many are under way.
func (e *Engine) hold(shard int, held bool) (underway int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[shard] = held
	e.inherited = e.inherited || held
	e.state.Hold(shard, held && !e.beginning)
	e.signal(e.ready[queue.Healthy])
	e.signal(e.ready[queue.Probation])
	for _, l := range e.leases {
		if !l.gone && l.shard == shard {
			underway++
		}
	}
	return underway
}

// lose ends the attempts of a shard that another replica may hold now. Their outcomes are stored
// all the same, if there are any.
func (e *Engine) lose(shard int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[shard] = false
	e.state.Hold(shard, false)
	for id, l := range e.leases {
		if !l.gone && l.shard == shard {
			l.lose()
			e.state.Return(id)
		}
	}
}

func (l *lease) lose() {
	if !l.gone && l.lost != nil {
		close(l.lost)
	}
	l.gone = true
}

// heldStill reports whether a delivery that is about to be handed out may be.
func (e *Engine) heldStill(shard int) bool {
	return e.peers == nil || e.peers.keeper.valid(shard)
}

func (e *Engine) newLease(of *journal.Lease) *lease {
	l := &lease{target: of.Target, shard: of.Shard}
	if e.peers != nil {
		l.lost = make(chan struct{})
	}
	return l
}

// lost is what tells whoever sends a delivery that it is another's; nil where there are none.
func (e *Engine) lost(id journal.ID) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if l, ok := e.leases[id]; ok {
		return l.lost
	}
	return nil
}
