package main

import (
	"context"
)

const (
	modestRate = 100  // webhooks per second
	busyRate   = 1000 // more than ten thousand busy repositories send
)

// latency measures the time from a webhook's POST to its message's arrival.
func latency(ctx context.Context, b *bench) (section, error) {
	s := section{
		title: "From POST to arrival",
		head:  []string{"webhooks per second", "p50", "p99"},
		note: "From the moment at which a webhook is due to be posted to the message's arrival at a sink on loopback: " +
			"verified, stored, synced, rendered and sent.",
	}
	for _, rate := range []int{modestRate, busyRate} {
		var halves, tails []float64
		for range b.rounds {
			took, err := b.relayOnce(ctx, rate)
			if err != nil {
				return s, err
			}
			halves = append(halves, float64(took.quantile(0.5)))
			tails = append(tails, float64(took.quantile(0.99)))
		}
		s.rows = append(s.rows, []string{thousands(float64(rate)), milliseconds(median(halves)), milliseconds(median(tails))})
		b.say("%d a second: p50 %s, p99 %s", rate, milliseconds(median(halves)), milliseconds(median(tails)))
	}
	return s, nil
}

func (b *bench) relayOnce(ctx context.Context, rate int) (took delays, err error) {
	err = b.run(ctx, composition{streets: []street{rooms(b.rooms)}}, func(ctx context.Context, o *operator) error {
		supply := b.supply()
		if err := b.warmUp(ctx, o, supply); err != nil {
			return err
		}
		took, err = o.relay(ctx, supply.during(b.quiet, rate), rate)
		return err
	})
	return took, err
}

// warmUp has the operator meet every repository and room.
func (b *bench) warmUp(ctx context.Context, o *operator, s *supply) error {
	_, err := o.relay(ctx, s.take(b.rooms), busyRate)
	return err
}
