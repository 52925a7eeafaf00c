package queuetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// offer is that of a namespace whose route matches some results.
func offer(computed bool, results ...travis.Result) queue.Offer {
	return queue.Offer{Namespace: "team-a", Computed: computed, Match: func(e *travis.Event) []queue.Target {
		if !slices.Contains(results, e.Build.Result) {
			return nil
		}
		return []queue.Target{Target("builds", "#builds")}
	}}
}

func (f *fixture) offer(e travis.Event, o queue.Offer) queue.Receipt {
	f.Helper()
	r, err := f.Accept(context.Background(), queue.Acceptance{Event: e, Received: f.clock.Now(), Offers: []queue.Offer{o}})
	if err != nil {
		f.Fatalf("accept: %v", err)
	}
	return r
}

// testTransitions: what no target matches counts, too, and a restart forgets nothing.
func testTransitions(f *fixture) {
	only := offer(true, travis.Broken, travis.Fixed)
	if r := f.offer(Event(1, travis.Passed), only); len(r.Unmatched) != 1 || len(r.Transitions) != 0 {
		f.Fatalf("the first build was answered with %+v, want unmatched", r)
	}
	f.restart()
	r := f.offer(Event(2, travis.Failed), only)
	if t := r.Transitions["team-a"]; len(r.Stored) != 1 || t == nil || t.Computed != travis.Broken || t.Build != "1" || t.Reported != travis.Failed {
		f.Fatalf("a build that breaks was answered with %+v", r)
	}
	d := f.take(queue.Healthy)
	if b := &d.Event.Build; b.Result != travis.Broken || b.Reported() != travis.Failed || b.State != "failed" {
		f.Fatalf("handed out %+v", b)
	}
	f.deliver(d)
	f.offer(Event(3, travis.Errored), only)
	f.restart()
	if r := f.offer(Event(4, travis.Passed), only); len(r.Stored) != 1 || r.Transitions["team-a"].Computed != travis.Fixed {
		f.Fatalf("a build that is fixed was answered with %+v", r)
	}
	asReported := offer(false, travis.Failed)
	if r := f.offer(Event(5, travis.Failed), asReported); len(r.Stored) != 1 || r.Transitions["team-a"].Computed != travis.Broken {
		f.Fatalf("where Travis decides, a failed build was answered with %+v", r)
	}
	f.deliver(f.take(queue.Healthy))
	if d := f.take(queue.Healthy); d.Event.Build.Result != travis.Failed || d.Event.Build.Computed() != travis.Broken {
		f.Fatalf("where Travis decides, handed out %+v", d.Event.Build)
	}
}

// testOvertaken: whoever keeps the state of a branch learns that a later build has ended meanwhile, whatever started
// it, and after a restart too.
func testOvertaken(f *fixture) {
	only := offer(true, travis.Results...)
	f.offer(Event(2, travis.Failed), only)
	first := f.take(queue.Healthy)
	later := Event(3, travis.Passed)
	later.Build.Type = travis.Cron
	f.offer(later, offer(true)) // no route matches it
	if first.Overtaken {
		f.Fatalf("build 2 was overtaken before build 3 ended")
	}
	f.retryIn(first, time.Minute)
	f.restart()
	f.clock.Step(time.Minute)
	if again := f.take(queue.Probation); again.Event.Build.ID != 2 || !again.Overtaken {
		f.Fatalf("handed out build %d, overtaken: %t; want build 2, overtaken by build 3", again.Event.Build.ID, again.Overtaken)
	} else {
		f.deliver(again)
	}
	elsewhere := Event(4, travis.Failed)
	elsewhere.Build.Branch = "elsewhere"
	f.offer(elsewhere, only)
	f.offer(Event(5, travis.Passed), only)
	if d := f.take(queue.Healthy); d.Event.Build.ID != 4 || d.Overtaken {
		f.Fatalf("handed out build %d, overtaken: %t; want build 4, of another branch", d.Event.Build.ID, d.Overtaken)
	} else {
		f.deliver(d)
	}
	f.deliver(f.take(queue.Healthy))
}

// testTransitionsAtOnce: each of many builds that end at the same time is compared with one that was
// stored before it.
func testTransitionsAtOnce(f *fixture) {
	const builds = 8 // as many as are remembered of a branch
	all := offer(true, travis.Results...)
	var wait sync.WaitGroup
	for n := range builds {
		wait.Go(func() {
			state := travis.Passed
			if n%2 == 1 {
				state = travis.Failed
			}
			if r := f.offer(Event(int64(n+1), state), all); len(r.Stored) != 1 {
				f.Errorf("build %d: %+v", n+1, r)
			}
		})
	}
	wait.Wait()
	// The order in which they were stored decides: replay it.
	states := map[int64]string{}
	for range builds {
		d := f.take(queue.Healthy)
		before := int64(0)
		for id := range states {
			if id < d.Event.Build.ID && id > before {
				before = id
			}
		}
		b := &d.Event.Build
		if before == 0 && b.Transition != nil {
			f.Errorf("build %s was compared with %+v, and none before it was stored", b.Number, b.Transition)
		}
		if want := travis.ComputeResult(states[before], b.State); before != 0 && b.Result != want {
			f.Errorf("build %s is %s, want %s after build %s", b.Number, b.Result, want, fmt.Sprint(before))
		}
		states[b.ID] = b.State
		f.deliver(d)
	}
}
