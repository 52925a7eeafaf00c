package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// patience limits how long a broken engine blocks a test.
const patience = time.Minute

type taken struct {
	delivery queue.Delivery
	err      error
}

// takeLater calls Take in the background.
func (f *fixture) takeLater(lane queue.Lane) <-chan taken {
	result := make(chan taken, 1)
	store := f.Store
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		d, err := store.Take(ctx, lane)
		result <- taken{d, err}
	}()
	return result
}

func (f *fixture) awaitResult(c <-chan taken) taken {
	f.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(2 * patience):
		f.Fatal("take does not return")
		return taken{}
	}
}

func (f *fixture) await(c <-chan taken) queue.Delivery {
	f.Helper()
	r := f.awaitResult(c)
	if r.err != nil {
		f.Fatalf("take: %v", r.err)
	}
	return r.delivery
}

// awaitWhileTimePasses advances the clock repeatedly, because it cannot know when the other goroutine has
// started its timer.
func (f *fixture) awaitWhileTimePasses(c <-chan taken) queue.Delivery {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case r := <-c:
			if r.err != nil {
				f.Fatalf("take: %v", r.err)
			}
			return r.delivery
		case <-tick.C:
			f.clock.Step(time.Second)
		}
	}
}

func testTakeEnded(f *fixture) {
	f.accept(Event(1, travis.Passed), Target("builds", "#builds"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Take(ctx, queue.Healthy); !errors.Is(err, context.Canceled) {
		f.Fatalf("take: %v, want nothing for a context that has ended", err)
	}
	f.take(queue.Healthy)
}

func testManyTakers(f *fixture) {
	const builds, takers = 100, 8
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var wait sync.WaitGroup
	var mu sync.Mutex
	handed := map[string]int{}
	for range takers {
		wait.Go(func() {
			for {
				d, err := f.Take(ctx, queue.Healthy)
				if err != nil {
					return
				}
				f.deliver(d)
				mu.Lock()
				handed[d.ID]++
				if len(handed) == builds {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for build := range builds {
		f.accept(Event(int64(build), travis.Passed), Target("builds", fmt.Sprint("#", build%7)))
	}
	wait.Wait()
	if len(handed) != builds {
		f.Errorf("%d of %d deliveries were handed out", len(handed), builds)
	}
	for id, n := range handed {
		if n != 1 {
			f.Errorf("delivery %s was handed out %d times", id, n)
		}
	}
}
