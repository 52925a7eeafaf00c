package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/journal"
	"github.com/travishook/travishook/internal/travis"
)

// states of a build, in the order in which Travis reports them.
var states = []travis.Result{travis.Pending, travis.Passed, travis.Failed, travis.Errored, travis.Canceled}

// post is an event that is posted, with its time.
type post struct {
	number, build, state int
	at                   time.Duration
	event                travis.Event
	offers               []queue.Offer
	targets              map[string][]int // by namespace
}

// posts are all that is posted in a run, build by build.
func (s *Simulation) posts() [][]*post {
	builds := make([][]*post, s.plan.builds)
	for n := range s.plan.events {
		build := n % s.plan.builds
		d := s.dice.of("post", uint64(n))
		p := &post{
			number: n, build: build, state: len(builds[build]),
			at: d.of("at").duration(0, s.plan.trouble),
		}
		builds[build] = append(builds[build], p)
	}
	for _, posts := range builds {
		at := make([]time.Duration, len(posts))
		for i, p := range posts {
			at[i] = p.at
		}
		slices.Sort(at)
		for i, p := range posts {
			p.at = at[i]
			s.fill(p)
		}
	}
	return builds
}

// fill makes the event, and chooses the namespaces that receive it: one or all.
func (s *Simulation) fill(p *post) {
	d := s.dice.of("event", uint64(p.number))
	b := s.dice.of("build", uint64(p.build))
	result := states[p.state%len(states)]
	started := s.begin.Add(p.at)
	p.event = travis.Event{
		Repository: travis.Repository{ID: int64(1 + b.of("repository").number(0, 2)), Owner: "example", Name: "example"},
		Build: travis.Build{
			ID: int64(1000 + p.build), Number: fmt.Sprint(p.number), Type: travis.Push, State: string(result), Result: result,
			Branch: "main", URL: "https://app.travis-ci.com/example", Started: started,
		},
		Commit: travis.Commit{SHA: "62aae5f70ceee39123ef", Message: "Say hello", Author: "A"},
	}
	if result != travis.Pending {
		p.event.Build.Finished = started.Add(time.Minute)
	}
	if s.plan.largest > 0 && d.of("large").chance(0.7) {
		p.event.Commit.Message = strings.Repeat("hello ", d.of("size").number(1, s.plan.largest)/6)
	}
	p.targets = map[string][]int{}
	for team := range s.plan.teams {
		if team != p.build%s.plan.teams && !b.of("all").chance(0.3) {
			continue
		}
		namespace := namespaceOf(team)
		offer := queue.Offer{Namespace: namespace}
		for i := range s.targets {
			if s.targets[i].Namespace == namespace {
				t := s.targets[i]
				t.Destination = s.accountAt(namespace, p.at).Destination(t.Address)
				offer.Targets = append(offer.Targets, t)
				p.targets[namespace] = append(p.targets[namespace], i)
			}
		}
		p.offers = append(p.offers, offer)
	}
}

// ids are the deliveries of a post, by target.
func (s *Simulation) ids(p *post) map[int]string {
	event, ids := journal.EventID(&p.event), map[int]string{}
	for _, targets := range p.targets {
		for _, t := range targets {
			ids[t] = journal.DeliveryID(event, &s.targets[t]).String()
		}
	}
	return ids
}

// postBuild posts the events of a build, each after the one before it was answered or given up.
func (s *Simulation) postBuild(posts []*post) {
	for _, p := range posts {
		if wait := p.at - s.elapsed(); wait > 0 {
			pass(wait)
		}
		s.ledger.posted(p.number, p.build, s.ids(p))
		s.post(p)
	}
}

// post posts an event, again where there was no good answer; and sometimes twice at once.
func (s *Simulation) post(p *post) {
	d := s.dice.of("posts", uint64(p.number))
	if s.plan.replicas > 1 && d.of("twice").chance(0.2) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.accept(p, d.of("other"))
		}()
		defer func() { <-done }()
	}
	for try := range d.of("tries").number(1, 4) {
		if s.accept(p, d.of("try", uint64(try))) && !d.of("again").chance(0.1) {
			return
		}
		pass(d.of("pause", uint64(try)).skewed(100*time.Millisecond, 30*time.Second))
	}
}

// answerTimeout is how long a sender waits for the answer.
const answerTimeout = 10 * time.Second

// accept posts an event to one process, and reports whether it was answered as stored.
func (s *Simulation) accept(p *post, d dice) bool {
	to := s.choose(d.of("to"))
	if to == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	a := queue.Acceptance{Event: p.event, Received: to.clock.Now(), Offers: p.offers}
	receipt, err := to.store.Accept(ctx, a)
	if !to.alive() {
		return false // the connection broke
	}
	s.trace.note(to, "accept event %d (build %d): stored %v, seen %v, %v", p.number, p.build, receipt.Stored, receipt.Seen, err)
	if err != nil {
		return false
	}
	for _, namespace := range receipt.Stored {
		s.ledger.promised(p.number, p.targets[namespace], "stored")
	}
	for _, namespace := range receipt.Seen {
		s.ledger.promised(p.number, p.targets[namespace], "seen")
	}
	return true
}

// choose picks a process that can be reached.
func (s *Simulation) choose(d dice) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := d.number(0, len(s.open)-1)
	for i := range s.open {
		if p := s.open[(first+i)%len(s.open)]; p != nil && p.alive() {
			return p
		}
	}
	return nil
}

func namespaceOf(team int) string { return fmt.Sprintf("team-%d", team) }
