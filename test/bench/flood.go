package main

import (
	"context"
	"fmt"
	"sync"
)

// flood measures what a flood of one repository's builds costs the others, and for comparison what
// as many builds of everybody's do.
func flood(ctx context.Context, b *bench) (section, error) {
	alone := &situation{name: "the others alone"}
	flooded := &situation{name: "beside the flood"}
	crowded := &situation{name: "beside as many from everybody"}
	loud := loud()
	b.say("signing the flood")
	flood := sign(loud.webhooks(maxMarks/2, maxMarks/2+int(b.quiet.Seconds()*busyRate)))
	err := b.inTurn(ctx, []street{rooms(b.rooms), loud}, func(ctx context.Context, o *operator, s *supply) []step {
		beside := func(crowd []webhook) func() (delays, error) {
			return func() (delays, error) { return o.relayBeside(ctx, s.during(b.quiet, modestRate), crowd) }
		}
		return []step{
			{alone, beside(nil)},
			{crowded, beside(s.during(b.quiet, busyRate))},
			{flooded, beside(flood)}, // last, because most of it is left waiting for its room
		}
	})
	if err != nil {
		return section{}, err
	}
	return compared("Others beside a flood from one repository",
		fmt.Sprintf("From POST to arrival, at %d webhooks a second to %d rooms, while one repository sends %s a second for one room, "+
			"which takes one a second.", modestRate, b.rooms, thousands(busyRate)),
		alone, flooded, crowded), nil
}

// relayBeside relays webhooks at the modest rate, while a crowd is posted at the busy one.
func (o *operator) relayBeside(ctx context.Context, webhooks, crowd []webhook) (delays, error) {
	var posting sync.WaitGroup
	failed := make(chan error, 1)
	posting.Go(func() {
		_, err := paced(ctx, o.relayed(), crowd, busyRate)
		failed <- err
	})
	took, err := o.relay(ctx, webhooks, modestRate)
	posting.Wait()
	if err != nil {
		return nil, err
	}
	return took, <-failed
}
