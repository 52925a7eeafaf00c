package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

// besideDead measures how dead channels affect live ones.
func besideDead(ctx context.Context, b *benchmark) (section, error) {
	alone := &scenario{name: "live channels alone"}
	dying := &scenario{name: "while the others start to fail"}
	past := &scenario{name: "after each of them has failed"}
	dead := deadChannels(b.dead)
	var deadAttempts []float64 // attempts per second to dead channels, at the end
	err := b.inEachRound(ctx, []group{live(b.liveChannels), dead}, func(ctx context.Context, o *operator, s *supply) []step {
		relay := func() (delays, error) { return o.relay(ctx, s.during(b.quiet, modestRate), modestRate) }
		return []step{
			{alone, relay},
			{dying, func() (delays, error) {
				if err := o.fill(ctx, dead, b.waiting); err != nil {
					return nil, err
				}
				return relay()
			}},
			{past, func() (delays, error) {
				if err := o.awaitFailures(ctx, dead); err != nil {
					return nil, err
				}
				before, began := o.sink.deadAttempts.Load(), time.Now()
				took, err := relay()
				deadAttempts = append(deadAttempts, float64(o.sink.deadAttempts.Load()-before)/time.Since(began).Seconds())
				return took, err
			}},
		}
	})
	if err != nil {
		return section{}, err
	}
	return compared(
		fmt.Sprintf("Live channels beside %s dead ones with %d deliveries waiting in each", thousands(float64(b.dead)), b.waiting),
		fmt.Sprintf("From POST to arrival, at %d webhooks a second to %d live channels. Half of the dead ones accept the request and "+
			"never answer, half answer 503. At the end %s attempts a second go to them.",
			modestRate, b.liveChannels, thousands(median(deadAttempts))),
		alone, dying, past), nil
}

// fill stores n deliveries for each channel of a group directly, because signing that many webhooks would
// take minutes.
func (o *operator) fill(ctx context.Context, s group, n int) error {
	const callers = 64
	event, err := travis.Decode(s.build(0).Payload())
	if err != nil {
		return err
	}
	var (
		next    atomic.Int64
		calling sync.WaitGroup
		failed  = make(chan error, callers)
	)
	for range callers {
		calling.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= s.n*n {
					return
				}
				if err := o.accept(ctx, *event, s, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	calling.Wait()
	close(failed)
	return <-failed
}

// accept stores the event as the group's build number i.
func (o *operator) accept(ctx context.Context, event travis.Event, s group, i int) error {
	repository, ok := o.compiler.Table().Repository(s.repository(i % s.n))
	if !ok {
		return errors.New("a route is missing in the table")
	}
	b := s.build(i)
	event.Repository.ID, event.Build.ID, event.Build.Number = b.RepositoryID, b.ID, b.Number
	event.Repository.Owner, event.Repository.Name, _ = strings.Cut(b.Repository, "/")
	namespace := repository.Namespaces[0]
	receipt, err := o.store.Accept(ctx, queue.Acceptance{
		Event: event, Received: time.Now(),
		Offers: []queue.Offer{{Namespace: namespace.Name, Targets: namespace.Match(&event)}},
	})
	if err != nil {
		return err
	}
	return receipt.Refused[namespace.Name]
}

// awaitFailures waits until every channel of a group has failed at least once.
func (o *operator) awaitFailures(ctx context.Context, s group) error {
	failed := 0
	err := until(ctx, func() bool {
		for failed < s.n {
			states := o.store.Channels(s.namespace(failed), s.route(failed))
			if len(states) == 0 || states[0].Failures == 0 {
				return false
			}
			failed++
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("of %d dead channels, %d failed: %w", s.n, failed, err)
	}
	return nil
}
