package main

import (
	"context"
	"fmt"
	"sync"
)

// flood measures how a flood from one repository affects the others, and for comparison the same number of
// builds from all repositories.
func flood(ctx context.Context, b *benchmark) (section, error) {
	alone := &scenario{name: "the others alone"}
	flooded := &scenario{name: "beside the flood"}
	crowded := &scenario{name: "beside as many from all"}
	flooding := flooding()
	b.say("signing the flood")
	flood := sign(flooding.webhooks(maxMarks/2, maxMarks/2+int(b.quiet.Seconds()*busyRate)))
	err := b.inEachRound(ctx, []group{live(b.liveChannels), flooding}, func(ctx context.Context, o *operator, s *supply) []step {
		beside := func(crowd []webhook) func() (delays, error) {
			return func() (delays, error) { return o.relayBeside(ctx, s.during(b.quiet, modestRate), crowd) }
		}
		return []step{
			{alone, beside(nil)},
			{crowded, beside(s.during(b.quiet, busyRate))},
			{flooded, beside(flood)}, // last, because most of it stays waiting for its channel
		}
	})
	if err != nil {
		return section{}, err
	}
	return compared("Others beside a flood from one repository",
		fmt.Sprintf("From POST to arrival, at %d webhooks a second to %d channels, while one repository sends %s a second to one channel, "+
			"which accepts one a second.", modestRate, b.liveChannels, thousands(busyRate)),
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
