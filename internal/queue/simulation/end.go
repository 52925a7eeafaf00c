package simulation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
)

const (
	// drainTime is how long everything may take to reach its end when nothing fails any more: the
	// longest pause of a channel, and some.
	drainTime = 2 * time.Hour
	drainLook = 15 * time.Second
)

// settleDown waits until nothing waits any more.
func (s *Simulation) settleDown() {
	for from := time.Now(); time.Since(from) < drainTime; pass(drainLook) {
		if s.drained() {
			return
		}
	}
	s.ledger.fault("not everything has reached its end %v after the last failure", drainTime)
}

func (s *Simulation) drained() bool {
	s.mu.Lock()
	open := slices.Clone(s.open)
	s.mu.Unlock()
	for _, p := range open {
		if p == nil || !p.alive() || !p.idle() {
			return false
		}
	}
	return !slices.ContainsFunc(open, func(p *process) bool { return len(p.store.Deliveries(unfinished)) > 0 })
}

var unfinished = queue.Query{States: []queue.State{queue.Waiting, queue.Sending}}

// compareReplicas: all replicas know the same.
func (s *Simulation) compareReplicas() {
	if s.plan.replicas == 1 {
		return
	}
	pass(10 * time.Second) // for what follows the last outcome to reach everybody
	first := s.view(s.open[0].store)
	for _, p := range s.open[1:] {
		if diff := cmp.Diff(first, s.view(p.store)); diff != "" {
			s.ledger.fault("two replicas do not know the same:\n%s", diff)
		}
	}
}

// view is what a store knows, as far as people can see it.
type view struct {
	Deliveries []queue.Summary
	Channels   map[string][]queue.ChannelStatus
}

func (s *Simulation) view(e store) view {
	v := view{Deliveries: e.Deliveries(queue.Query{}), Channels: map[string][]queue.ChannelStatus{}}
	for team := range s.plan.teams {
		for _, route := range []string{"builds", "alerts"} {
			status := e.Channels(namespaceOf(team), route)
			slices.SortFunc(status, func(a, b queue.ChannelStatus) int { return strings.Compare(a.Target.Channel, b.Target.Channel) })
			v.Channels[namespaceOf(team)+"/"+route] = status
		}
	}
	return v
}

// inspect opens the store once more and looks what it holds; and posts everything again, which the
// store must recognize.
func (s *Simulation) inspect() {
	p := s.start(0)
	if p == nil {
		return
	}
	s.ledger.kept(p.store.Deliveries(queue.Query{}))
	s.ledger.lossesReported(p.store.Losses())
	for _, posts := range s.posts() {
		for _, post := range posts {
			s.replay(p, post)
		}
	}
	p.close()
	p.running.Wait()
}

func (s *Simulation) replay(p *process, post *post) {
	promised := s.ledger.promisesOf(post.number)
	if len(promised) == 0 {
		return
	}
	receipt, err := p.store.Accept(context.Background(), queue.Acceptance{Event: post.event, Received: p.clock.Now(), Offers: post.offers})
	if err != nil {
		s.ledger.fault("event %d is posted again, and the answer is: %v", post.number, err)
		return
	}
	for _, namespace := range receipt.Stored {
		for _, t := range post.targets[namespace] {
			if slices.Contains(promised, t) && !s.ledger.isDamaged(post.number, t) {
				s.ledger.fault("event %d is posted again, and stored again for %s", post.number, namespace)
				return
			}
		}
	}
}
