package engine

import "time"

const (
	// pulseInterval is how often the committer checks the clock, and whether anything was stored lately.
	pulseInterval = 10 * time.Second
	// quietFor is how long nothing may have been stored before a write is probed: a disk that has become
	// read-only, or hangs, is detected before the next webhook comes.
	quietFor = 30 * time.Second
)

// pulse runs in the committer every pulseInterval.
func (e *Engine) pulse() {
	e.mu.Lock()
	now := e.now()
	if e.inherited {
		e.inherited = false
		e.clampDueTimes(now)
	}
	quiet := e.time.passed() - e.stored
	unstored := len(e.unstored)
	e.mu.Unlock()
	if unstored > 0 {
		e.storeLosses()
	}
	// Where several processes share the log, one probe is enough for all.
	if quiet >= quietFor && (e.leads() || quiet >= quietFor+pulseInterval) {
		e.probe()
	}
}

// probe appends an empty message, which shows that the log can be written. If it cannot, the store
// reports it at once and starts to recover, without an event that had to be refused for it.
func (e *Engine) probe() {
	e.commit([]*request{newEmptyRequest()})
}
