package engine

import (
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
)

// Shards decides which deliveries this process hands out, by their channel's shard. AllShards is for a
// store with one process. The engine calls it from several goroutines; only Sends is called with the
// engine's lock held.
type Shards interface {
	// Sends reports whether this process may hand out the shard's deliveries now. It must not block.
	Sends(shard int) bool
	// Owns reports whether this process owns the shard according to the log. Otherwise only successes are
	// stored, because the present owner makes attempts of its own.
	Owns(shard int) bool
	// Applied is called for each put value, right after it was applied, in the log's order.
	Applied(p *journal.Put)
}

// AllShards is the Shards of the only process of a store.
type AllShards struct{}

// Sends implements Shards.
func (AllShards) Sends(int) bool { return true }

// Owns implements Shards.
func (AllShards) Owns(int) bool { return true }

// Applied implements Shards.
func (AllShards) Applied(*journal.Put) {}

// leads reports whether this process trims the log and drops old dead letters: the one that sends for
// shard 0 does. Two leaders for a moment are harmless, because each append names the message that it
// follows.
func (e *Engine) leads() bool { return e.opt.Shards.Sends(0) }

// SetSends makes Take hand out a shard's deliveries, or stop doing so. It returns how many of them are
// under way.
func (e *Engine) SetSends(shard int, sends bool) (underway int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sends[shard] = sends
	e.inherited = e.inherited || sends
	e.state.SetSends(shard, sends && !e.rereading)
	e.signalLanes()
	for _, l := range e.leases {
		if !l.lost && l.Shard == shard {
			underway++
		}
	}
	return underway
}

// Lose ends the attempts of a shard that another process may now send for. Successes can still be settled.
func (e *Engine) Lose(shard int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sends[shard] = false
	e.state.SetSends(shard, false)
	for id, l := range e.leases {
		if !l.lost && l.Shard == shard {
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

// overruled reports whether r is a failure or a reassignment for a shard that another process owns. Then it
// is not stored.
func (e *Engine) overruled(r *request) bool {
	if s := r.entry.Settle; s != nil && s.Outcome.Kind == queue.Delivered {
		return false
	}
	e.mu.Lock()
	lost := r.lease.lost
	e.mu.Unlock()
	return lost || !e.opt.Shards.Owns(r.lease.Shard)
}
