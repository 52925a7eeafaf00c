package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/wal"
	"github.com/travishook/travishook/internal/routing"
)

// Simulation is one run.
type Simulation struct {
	dice   dice
	plan   plan
	begin  time.Time
	ledger *ledger
	stream *stream
	leases *leaseServer
	trace  *trace

	targets  []queue.Target
	channels map[string]int              // by Target.Channel
	accounts map[string]*routing.Account // by namespace
	moved    map[string]move             // by namespace
	ahead    []atomic.Int64              // of the replicas' clocks
	calm     atomic.Bool                 // nothing goes wrong any more
	pending  sync.WaitGroup              // what happens late

	mu      sync.Mutex
	open    []*process // of each replica, nil while it has none
	started int
	lives   []int // of each replica
}

// Result is what a run came to.
type Result struct {
	Faults []string // what was wrong; nothing if all is well
	Counts counts
	// Trace is a hash of all that happened in order: two runs with one are alike.
	Trace uint64
	Hours float64 // that passed in the bubble
	Plan  string
}

// Run runs the simulation that seed stands for, and writes all that happens to out, unless that is nil.
// It must be called in a bubble of testing/synctest.
func Run(seed uint64, out io.Writer) Result {
	s := newSimulation(seed, out)
	s.run()
	faults := s.ledger.check()
	return Result{
		Faults: faults, Counts: s.ledger.counts, Trace: s.trace.hash,
		Hours: s.elapsed().Hours(), Plan: fmt.Sprintf("%+v", s.plan),
	}
}

func newSimulation(seed uint64, out io.Writer) *Simulation {
	d := dice(0).of("seed", seed)
	s := &Simulation{
		dice: d, plan: newPlan(d), begin: time.Now(), ledger: newLedger(), trace: newTrace(out),
		channels: map[string]int{}, accounts: map[string]*routing.Account{}, moved: map[string]move{},
	}
	s.ledger.h.jump = s.plan.farthest
	s.leases = newLeaseServer(d.of("leases"), s.plan.lease)
	s.stream = newStream(wal.Capacity(s.plan.maxBytes), s.ledger.appended)
	s.open, s.lives = make([]*process, s.plan.replicas), make([]int, s.plan.replicas)
	s.ahead = make([]atomic.Int64, s.plan.replicas)
	for team := range s.plan.teams {
		s.addTeam(team)
	}
	return s
}

// addTeam makes a namespace with an account, and two routes that share some of its channels.
func (s *Simulation) addTeam(team int) {
	namespace, account := namespaceOf(team), -1
	if s.dice.of("keeps open", uint64(team)).chance(s.plan.keepsOpen) {
		account = team
	}
	a := newAccount(namespace, "chat", account)
	s.accounts[namespace] = a
	if d := s.dice.of("moves", uint64(team)); account < 0 && d.chance(s.plan.moves) {
		s.moved[namespace] = move{newAccount(namespace, "other", account), d.of("when").duration(0, s.plan.trouble)}
	}
	for _, route := range []string{"builds", "alerts"} {
		for n := range s.plan.channels {
			if route == "alerts" && n%2 == 1 {
				continue
			}
			address := fmt.Sprintf("channel-%d-%d", team, n)
			t := queue.Target{
				Namespace: namespace, Route: route, RouteUID: "uid-" + route, Account: a.Name, Address: address,
				Channel: namespace + "/" + a.Name + "/" + address, AccountKey: a.Key(), Destination: a.Destination(address),
			}
			if _, ok := s.channels[t.Channel]; !ok {
				s.channels[t.Channel] = len(s.channels)
			}
			s.targets = append(s.targets, t)
			s.ledger.targets = append(s.ledger.targets, t)
			s.ledger.h.targets = append(s.ledger.h.targets, target{
				channel: s.channels[t.Channel], account: account, updates: s.updates(&t) != routing.Separate,
			})
		}
	}
}

// move has a namespace's channels belong to another account from some time on.
type move struct {
	to *routing.Account
	at time.Duration
}

// newAccount is one that keeps a connection if its number is not negative.
func newAccount(namespace, name string, number int) *routing.Account {
	a := &routing.Account{Namespace: namespace, Name: name, Service: "chat", Version: "1", KeepsConnection: number >= 0}
	if a.KeepsConnection {
		a.Service = "connected"
	}
	a.Config, _ = json.Marshal(account{name, number}) //nolint:errchkjson // a name and a number
	return a
}

// accountAt is a namespace's account at a time.
func (s *Simulation) accountAt(namespace string, at time.Duration) *routing.Account {
	if m, ok := s.moved[namespace]; ok && at >= m.at {
		return m.to
	}
	return s.accounts[namespace]
}

// updates is what later states do to a build's message in a channel of a route.
func (s *Simulation) updates(t *queue.Target) routing.Updates {
	d := s.dice.of("updates " + t.Namespace + "/" + t.Route + "/" + t.Address)
	switch {
	case !d.chance(s.plan.updates):
		return routing.Separate
	case d.of("thread").chance(0.3):
		return routing.Thread
	}
	return routing.Edit
}

// pass lets time pass in the bubble.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // no time passes outside

func (s *Simulation) elapsed() time.Duration { return time.Since(s.begin) }

// disturbed reports whether things go wrong at this time.
func (s *Simulation) disturbed() bool { return !s.calm.Load() }

// run posts, while things go wrong; then waits until everything has reached its end, and looks at what
// is left.
func (s *Simulation) run() {
	stop := make(chan struct{})
	var replicas, load, clocks sync.WaitGroup
	for r := range s.plan.replicas {
		replicas.Go(func() { s.replica(r, stop) })
		clocks.Go(func() { s.setClock(r) })
	}
	for _, posts := range s.posts() {
		load.Go(func() { s.postBuild(posts) })
	}
	clocks.Go(s.operate)
	load.Wait()
	if wait := s.plan.trouble - s.elapsed(); wait > 0 {
		pass(wait)
	}
	s.mu.Lock()
	s.calm.Store(true) // nothing is added to pending any more
	s.mu.Unlock()
	s.trace.say("nothing fails any more")
	clocks.Wait()
	s.pending.Wait()
	s.settleDown()
	s.compareReplicas()
	close(stop)
	replicas.Wait()
	s.inspect()
}

// replica is a process that is started again whenever it has ended.
func (s *Simulation) replica(r int, stop <-chan struct{}) {
	for {
		p := s.start(r)
		if p != nil {
			s.setOpen(r, p)
			p.run(s.lifetime(p, stop))
			s.setOpen(r, nil)
		}
		select {
		case <-stop:
			return
		case <-time.After(s.dice.of("restart", uint64(r), uint64(s.lives[r])).skewed(100*time.Millisecond, 30*time.Second)):
		}
	}
}

func (s *Simulation) setOpen(r int, p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[r] = p
}

// lifetime has a process crash some time, or stop in good order: the channel is closed when it is to stop.
func (s *Simulation) lifetime(p *process, stop <-chan struct{}) <-chan struct{} {
	if s.plan.life == 0 {
		return stop
	}
	told := make(chan struct{})
	p.running.Go(func() {
		select {
		case <-time.After(p.dice.of("life").skewed(0, 3*s.plan.life)):
			switch {
			case !s.disturbed():
				<-stop
			case p.dice.of("crashes").chance(0.7):
				p.crash()
			}
		case <-stop:
		case <-p.dead:
		}
		close(told)
	})
	return told
}

// later does something after a while, or never if nothing goes wrong any more.
func (s *Simulation) later(wait time.Duration, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.disturbed() {
		return
	}
	s.pending.Go(func() {
		pass(wait)
		do()
	})
}

// setClock sets a machine's clock now and then, and right in the end.
func (s *Simulation) setClock(r int) {
	if s.plan.jump == 0 {
		return
	}
	for n := uint64(0); ; n++ {
		d := s.dice.of("clock", uint64(r), n)
		pass(d.of("when").duration(0, 2*s.plan.jump))
		if !s.disturbed() {
			s.ahead[r].Store(0)
			s.trace.say("the clock of replica %d is right", r)
			return
		}
		far := d.jump(s.plan.farthest)
		s.ahead[r].Store(int64(far))
		s.trace.say("the clock of replica %d is %v ahead", r, far)
		s.checkDueTimes(r)
	}
}

// checkDueTimes looks whether deliveries wait for what a clock that was ahead has said. Other replicas' clocks may be
// ahead, too: it is certain only if there are none.
func (s *Simulation) checkDueTimes(r int) {
	if s.plan.replicas > 1 {
		return
	}
	pass(time.Minute) // the store checks its clock more often
	late := s.late(r)
	if len(late) == 0 {
		return
	}
	pass(time.Minute) // it may have read an entry of before only now
	for id, wait := range s.late(r) {
		if late[id] > 0 {
			s.ledger.fault("%s waits for %v: a clock that was ahead has said so", id, wait)
		}
	}
}

// late are the deliveries that wait for longer than everything takes, by id.
func (s *Simulation) late(r int) map[string]time.Duration {
	s.mu.Lock()
	p := s.open[r]
	s.mu.Unlock()
	if p == nil || !p.alive() || p.store.Ready() != nil { // while the log does not answer, nothing is corrected, or sent
		return nil
	}
	waits := map[string]time.Duration{}
	for _, d := range p.store.Deliveries(unfinished) {
		if wait := d.Due.Sub(p.clock.Now()); wait > drainTime {
			waits[d.ID] = wait
		}
	}
	return waits
}

// operate is the person who redrives dead letters, and fixes credentials.
func (s *Simulation) operate() {
	for n := uint64(0); s.disturbed(); n++ {
		d := s.dice.of("operate", n)
		pass(d.of("when").duration(10*time.Second, 5*time.Minute))
		p := s.choose(d.of("to"))
		if p == nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		if d.of("redrives").chance(0.3) {
			_, _ = p.store.Redrive(ctx, queue.Query{})
		} else {
			_, _ = p.store.Wake(ctx, func(queue.Target) queue.Change { return queue.Fixed })
		}
		cancel()
	}
}

// cutOff reports whether a replica cannot reach the stream at this time.
func (s *Simulation) cutOff(r int) bool {
	d, now := s.outage("outage", 2*time.Minute)
	return now && (d.of("all").chance(0.5) || d.of("replica").number(0, s.plan.replicas-1) == r)
}

// diskFull reports whether a disk takes nothing at this time.
func (s *Simulation) diskFull() bool {
	_, now := s.outage("disk", time.Minute)
	return now
}

// outage reports whether there is one of a kind at this time: at most one in each interval.
func (s *Simulation) outage(kind string, longest time.Duration) (d dice, now bool) {
	if s.plan.outage == 0 || !s.disturbed() {
		return 0, false
	}
	d = s.dice.of(kind, uint64(s.elapsed()/s.plan.outage))
	from, at := d.of("from").duration(0, s.plan.outage), s.elapsed()%s.plan.outage
	return d, at >= from && at < from+d.of("long").skewed(time.Second, longest)
}
