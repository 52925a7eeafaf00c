package engine

import (
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// Shards says which deliveries this process hands out, by their channel's shard. AllShards is for a
// store that no other process shares. The engine calls it from several goroutines, without its lock
// held but for Sends.
type Shards interface {
	// Sends reports whether this process may hand out the shard's deliveries at this moment. It must
	// not block.
	Sends(shard int) bool
	// Owns reports whether the shard is this process's by what the log says so far. Other outcomes
	// than that a message was delivered are stored only then: whoever owns the shard now attempts for
	// itself.
	Owns(shard int) bool
	// Applied is called for each value that the log puts, right after it was applied, in the log's
	// order.
	Applied(p *journal.Put)
}

// AllShards are the Shards of a process that shares its store with no other.
type AllShards struct{}

// Sends implements Shards.
func (AllShards) Sends(int) bool { return true }

// Owns implements Shards.
func (AllShards) Owns(int) bool { return true }

// Applied implements Shards.
func (AllShards) Applied(*journal.Put) {}

// leads reports whether this process trims the log and drops what has been dead for long: it is the
// one that sends for shard 0. Two that do so for a moment do no harm, as each append names the message
// that it follows.
func (e *Engine) leads() bool { return e.opt.Shards.Sends(0) }

// Hold has Take hand out a shard's deliveries, or stop doing so. It returns how many of them are under
// way.
func (e *Engine) Hold(shard int, held bool) (underway int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[shard] = held
	e.inherited = e.inherited || held
	e.state.Hold(shard, held && !e.rereading)
	e.signalLanes()
	for _, l := range e.leases {
		if !l.lost && l.shard == shard {
			underway++
		}
	}
	return underway
}

// Lose ends the attempts of a shard that another process may send for now. What was delivered can
// still be settled.
func (e *Engine) Lose(shard int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held[shard] = false
	e.state.Hold(shard, false)
	for id, l := range e.leases {
		if !l.lost && l.shard == shard {
			l.lose()
			e.state.Return(id)
		}
	}
}

func (l *lease) lose() {
	if !l.lost {
		close(l.ended)
	}
	l.lost = true
}

// overruled reports whether another process may be sending what r says was not delivered, or moves.
// Only what was delivered is worth storing then.
func (e *Engine) overruled(r *request) bool {
	if s := r.entry.Settle; s != nil && s.Outcome.Kind == queue.Delivered {
		return false
	}
	e.mu.Lock()
	lost := r.lease.lost
	e.mu.Unlock()
	return lost || !e.opt.Shards.Owns(r.lease.shard)
}
