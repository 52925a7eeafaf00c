package simulation

import "time"

// plan is what a seed makes of a run.
type plan struct {
	replicas  int           // 1: a store of its own, as with the embedded server
	network   bool          // the log is reached over a network
	trouble   time.Duration // how long things go wrong, from the beginning
	lease     time.Duration // of a replica
	maxBytes  int64
	events    int
	builds    int
	teams     int     // namespaces
	channels  int     // of each team
	largest   int     // bytes of a commit message
	keepsOpen float64 // how many teams have an account that keeps a connection
	updates   float64 // how many channels of routes show a build in one message
	moves     float64 // how many teams change their account

	// Chances, for each operation.
	lose, slow, crash float64
	damage            float64 // for each start, that a message of the log is lost
	// Averages, between two of them; zero for none.
	life, outage, jump time.Duration
	farthest           time.Duration // that a clock jumps
}

const (
	// A process that is started believes its clock, and what was seen is forgotten after 25 hours: so
	// two clocks must differ by less. One that runs does not believe a jump forward for an hour.
	farthestStarted = 10 * time.Hour
	farthestRunning = 400 * 24 * time.Hour
)

func newPlan(d dice) plan {
	p := plan{
		replicas: 1,
		trouble:  d.of("trouble").duration(time.Minute, 20*time.Minute),
		lease:    15 * time.Second,
		maxBytes: 1 << 20,
		events:   d.of("events").number(20, 90),
		teams:    d.of("teams").number(1, 3),
		channels: d.of("channels").number(1, 3),
	}
	if d.of("shared").chance(0.5) {
		p.network = true
		p.replicas = d.of("replicas").number(1, 3)
	}
	p.builds = max(1, p.events/d.of("states").number(1, 5))
	if d.of("large").chance(0.5) {
		p.largest = d.of("largest").number(5_000, 60_000)
	}
	if d.of("keeps open").chance(0.5) {
		p.keepsOpen = 0.7
	}
	if d.of("updates").chance(0.7) {
		p.updates = 0.8
	}
	if d.of("moves").chance(0.2) {
		p.moves = 0.5
	}
	p.chances(d)
	return p
}

// chances leaves out some kinds of trouble in each run: what goes wrong alone is found more easily.
func (p *plan) chances(d dice) {
	if d.of("loses").chance(0.6) {
		p.lose = d.of("lose").between(0.001, 0.2)
	}
	if d.of("slows").chance(0.5) {
		p.slow = d.of("slow").between(0.001, 0.1)
	}
	if d.of("crashes").chance(0.5) {
		p.crash = d.of("crash").between(0.001, 0.05)
	}
	if d.of("dies").chance(0.6) {
		p.life = d.of("life").duration(5*time.Second, 10*time.Minute)
	}
	if !p.network && d.of("damages").chance(0.3) {
		p.damage = d.of("damage").between(0.05, 0.5)
	}
	if d.of("outages").chance(0.4) {
		p.outage = d.of("outage").duration(30*time.Second, 10*time.Minute)
	}
	if d.of("jumps").chance(0.2) {
		p.jump = d.of("jump").duration(30*time.Second, 10*time.Minute)
		p.farthest = farthestStarted
		if p.life == 0 && p.crash == 0 && p.replicas == 1 {
			p.farthest = farthestRunning
		}
	}
}

// jump is how far a clock is off: back or forward, but far only forward, for what a clock says that was
// set back is believed.
func (d dice) jump(farthest time.Duration) time.Duration {
	far := d.of("far").skewed(time.Second, farthest)
	if d.of("back").chance(0.5) {
		return -min(far, farthestStarted)
	}
	return far
}
