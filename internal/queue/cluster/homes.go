package cluster

import (
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// An account that is logged in all the time is the home of its channels, and so in one shard. Whoever
// holds that shard may be logged in, and nobody else: a shard is given up only after the connections
// on its behalf have ended.

// partingTime is how long a test message may go on, and a connection may take to end, before the
// shard is given up all the same.
const partingTime = 45 * time.Second

// Holds reports whether this replica may speak as the account that is that home, at this moment.
func (r *Replica) Holds(home string) bool {
	return r.keeper.owns(queue.AccountShard(home))
}

// OnLeave has fn called when some homes are no longer this replica's: those that gone says so of,
// for which Holds is false already. It must not block; quiet is closed when nothing is connected
// as one of them any more.
func (r *Replica) OnLeave(fn func(gone func(home string) bool) (quiet <-chan struct{})) {
	r.keeper.mu.Lock()
	defer r.keeper.mu.Unlock()
	r.keeper.leave_ = fn
}

// part has the connections on behalf of a shard ended.
func (k *keeper) part(shard int) (quiet <-chan struct{}) {
	k.mu.Lock()
	leave := k.leave_
	k.mu.Unlock()
	if leave == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return leave(func(home string) bool { return queue.AccountShard(home) == shard })
}

// owns reports whether no other replica can hold the shard now, and this one has not begun to part
// with it.
func (k *keeper) owns(shard int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.mine[shard]
	return ok && h.parted == nil && time.Now().Before(h.until)
}

// holder is the replica that is known to hold the shard, empty if none is.
func (k *keeper) holder(shard int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, mine := k.mine[shard]; mine {
		return k.id
	}
	return k.sighted[shardKey(shard)].holder
}

// hasParted begins to end what is connected on behalf of a shard, and reports whether that is done.
func (k *keeper) hasParted(shard int, h *holding) bool {
	k.mu.Lock()
	begun := h.parted != nil
	if !begun {
		h.parted = make(chan struct{})
	}
	parted := h.parted
	k.mu.Unlock()
	if !begun {
		quiet := k.part(shard)
		k.stopped.Go(func() { k.awaitQuiet(quiet, parted) })
	}
	select {
	case <-parted:
		return true
	default:
		return false
	}
}

func (k *keeper) awaitQuiet(quiet <-chan struct{}, parted chan<- struct{}) {
	late := time.NewTimer(partingTime)
	defer late.Stop()
	select {
	case <-quiet:
	case <-late.C:
	case <-k.running:
	}
	close(parted)
	k.look()
}
