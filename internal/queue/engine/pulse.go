package engine

import "time"

const (
	// pulseInterval is how often the committer looks at the clock, and whether it is quiet.
	pulseInterval = 10 * time.Second
	// quietFor is how long nothing may have been stored before the store is tried: a disk that was
	// made read-only, or that hangs, is found out before the next webhook comes.
	quietFor = 30 * time.Second
)

// pulse is the committer's look at what changes without anybody's doing.
func (e *Engine) pulse() {
	e.mu.Lock()
	now := e.now()
	if e.inherited {
		e.inherited = false
		e.rewind(now)
	}
	quiet := e.time.passed() - e.stored
	unstored := len(e.unstored)
	e.mu.Unlock()
	if unstored > 0 {
		e.storeLosses()
	}
	// Where several share the store, what one of them stores shows that the store can be written.
	if quiet >= quietFor && (e.leads() || quiet >= quietFor+pulseInterval) {
		e.try()
	}
}

// try appends an empty message, which shows that the store can be written. If it cannot, the store
// says so at once, and heals when it can, without an event that had to be refused for it.
func (e *Engine) try() {
	e.commit([]*request{newEmptyRequest()})
}
