package simulation

import (
	"context"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
)

// process is one life of a replica of the operator.
type process struct {
	sim     *Simulation
	replica int
	number  int // among all processes of the run
	dice    dice
	clock   *machineClock
	store   store
	peers   dispatch.Peers
	log     *processLog

	dead    chan struct{}
	running sync.WaitGroup // what the simulation runs for it

	mu    sync.Mutex
	gone  bool
	tried map[string]int
}

func (p *process) alive() bool {
	select {
	case <-p.dead:
		return false
	default:
		return true
	}
}

// crash ends the process: nothing that it does has an effect any more, whatever its goroutines think.
func (p *process) crash() { p.end(true) }

func (p *process) end(crashed bool) {
	p.mu.Lock()
	first := !p.gone
	p.gone = true
	p.mu.Unlock()
	if !first {
		return
	}
	p.sim.ledger.died(p.number)
	p.sim.trace.note(p, "is dead")
	p.sim.ledger.count(func(c *counts) {
		if crashed {
			c.Crashes++
		} else {
			c.Stops++
		}
	})
	close(p.dead)
}

// tries counts the attempts to send a message.
func (p *process) tries(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried[id]++
	return p.tried[id]
}

// sleep returns an error when ctx ends before, or the process dies.
func (p *process) sleep(ctx context.Context, d time.Duration) error {
	if !p.alive() {
		return errDead
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-p.dead:
		return errDead
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start opens the store and begins to send. It returns nil if the process ended meanwhile.
func (s *Simulation) start(replica int) *process {
	s.mu.Lock()
	s.started++
	p := &process{
		sim: s, replica: replica, number: s.started, dice: s.dice.of("process", uint64(replica), uint64(s.lives[replica])),
		dead: make(chan struct{}), tried: map[string]int{},
	}
	s.lives[replica]++
	s.mu.Unlock()
	ahead := &s.ahead[replica]
	p.clock = &machineClock{opened: time.Duration(ahead.Load()), ahead: ahead}
	p.log = newProcessLog(p, s.stream, s.plan.network)
	s.damage(p)
	s.trace.note(p, "starts")
	disturbed := s.disturbed()
	if err := p.open(context.Background()); err != nil {
		s.trace.note(p, "cannot start: %v", err)
		if !disturbed {
			s.ledger.fault("a process cannot start though nothing fails: %v", err)
		}
		p.end(p.alive())
		p.running.Wait()
		return nil
	}
	return p
}

// damage loses a message of the log before a process starts.
func (s *Simulation) damage(p *process) {
	if !s.disturbed() || !p.dice.of("damage").chance(s.plan.damage) {
		return
	}
	if seq, data, ok := s.stream.destroy(p.dice.of("damaged")); ok {
		s.trace.say("message %d of the log is lost", seq)
		s.ledger.destroyed(data)
	}
}

// run sends until the process dies, or stops as it is told to.
func (p *process) run(stop <-chan struct{}) {
	pool := dispatch.NewPool(dispatch.PoolConfig{
		Services: map[string]notify.Service{"chat": p.service(false), "connected": p.service(true)},
		Holds:    p.peers.Holds, Log: p.sim.trace.logger(p),
	})
	d := dispatch.New(dispatch.Config{
		Queue: &queueShim{p}, Resolver: p.sim, Pool: pool, Peers: p.peers, Record: quiet{}, Log: p.sim.trace.logger(p),
		RetryLimit: 24 * time.Hour,
	})
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if err := d.Run(ctx); err != nil && p.alive() {
			p.sim.trace.note(p, "dispatcher: %v", err)
		}
	}()
	select {
	case <-stop:
		cancel()
		select {
		case <-sent:
		case <-p.dead:
		}
		p.close()
	case <-p.dead:
		cancel()
		_ = p.store.Close(canceled())
	}
	cancel()
	<-sent
	p.running.Wait()
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// queueShim is the store as the dispatcher of a process sees it. The dispatcher goes by true time, and
// the store by the machine's: so times are turned from one into the other.
type queueShim struct{ p *process }

func (q *queueShim) Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error) {
	d, err := q.p.store.Take(ctx, lane)
	if err != nil {
		return d, err
	}
	d.Accepted, d.Since = q.p.clock.fromMachine(d.Accepted), q.p.clock.fromMachine(d.Since)
	if lost := d.LeaseLost; lost != nil {
		q.p.running.Go(func() {
			select {
			case <-lost:
				q.p.sim.ledger.lost(q.p.number, d.ID)
			case <-q.p.dead:
			}
		})
	}
	return d, nil
}

func (q *queueShim) SetSlots(lane queue.Lane, attempts int) { q.p.store.SetSlots(lane, attempts) }

func (q *queueShim) Settle(ctx context.Context, id string, o queue.Outcome) error {
	o.At, o.Due, o.Rest = q.p.clock.toMachine(o.At), q.p.clock.toMachine(o.Due), q.p.clock.toMachine(o.Rest)
	if o.Posted != nil {
		posted := *o.Posted
		posted.Until = q.p.clock.toMachine(posted.Until)
		o.Posted = &posted
	}
	err := q.p.store.Settle(ctx, id, o)
	if err == nil && q.p.alive() {
		q.p.sim.ledger.settled(q.p.number, id, o)
	}
	if err != nil && ctx.Err() != nil { // the process stops, and the store has not taken it in time
		q.p.sim.ledger.lost(q.p.number, id)
	}
	return err
}

func (q *queueShim) Wake(ctx context.Context, change func(queue.Target) queue.Change) (int, error) {
	return q.p.store.Wake(ctx, change)
}

func (q *queueShim) Drop(ctx context.Context, gone func(queue.Target) bool, reason string) (int, error) {
	return q.p.store.Drop(ctx, gone, reason)
}

// quiet records nothing.
type quiet struct{}

func (quiet) Attempted(record.Attempt)             {}
func (quiet) TemplateFailed(queue.Delivery, error) {}

// Removed implements dispatch.Resolver: no route is deleted.
func (s *Simulation) Removed(queue.Target) bool { return false }

// Resolve finds the account of a target.
func (s *Simulation) Resolve(t queue.Target) (dispatch.Resolved, error) {
	a := s.accountAt(t.Namespace, s.elapsed())
	return dispatch.Resolved{Account: a, Address: t.Address, Can: capabilities, Updates: s.updates(&t)}, nil
}
