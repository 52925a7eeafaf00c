package engine

import "time"

const (
	// pulseInterval is how often the committer checks the clock, and whether anything was stored lately.
	pulseInterval = 10 * time.Second
	// probeAfter is the time without a write after which a write is tested: a disk that has become read-only,
	// or hangs, is detected before the next webhook arrives.
	probeAfter = 30 * time.Second
)

// pulse runs in the committer every pulseInterval.
func (e *Engine) pulse() {
	e.mu.Lock()
	e.correctInherited()
	quiet := e.time.passed() - e.stored
	unstored := len(e.unstored)
	e.mu.Unlock()
	if unstored > 0 {
		e.storeLosses()
	}
	// If several processes share the log, one probe is enough for all.
	if quiet >= probeAfter && (e.leads() || quiet >= probeAfter+pulseInterval) {
		e.probe()
	}
}

// probe appends an empty message to test that the log can be written. If it cannot, the store reports
// it and starts to recover, before an event has to be refused.
func (e *Engine) probe() {
	e.commit([]*request{newEmptyRequest()})
}
