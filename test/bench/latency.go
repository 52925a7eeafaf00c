package main

import (
	"context"
	"os"
	"strings"
)

const (
	modestRate = 100  // webhooks per second
	busyRate   = 1000 // more than ten thousand busy repositories send
)

// latency measures the time from a webhook's POST to its message's arrival, and the same for Alertmanager if
// its binary is available.
func latency(ctx context.Context, b *benchmark) (section, error) {
	s := section{
		title: "From POST to arrival",
		head: []string{
			"webhooks per second", "p50", "p99", "the least's p50", "p99", "Alertmanager's p50", "p99",
			"ratio of the p50s: to Alertmanager", "the least to Alertmanager",
		},
		note: "From the moment at which a webhook is due to be posted to the message's arrival at a sink on loopback: " +
			"verified, stored, synced, rendered and sent. The least only verifies, decodes, syncs a plain file and posts. " +
			"Alertmanager verifies and stores nothing.",
	}
	binary := os.Getenv(alertmanagerEnv)
	if binary == "" {
		s.note += " It was not measured here."
	}
	for _, rate := range []int{modestRate, busyRate} {
		row, err := b.latencyAt(ctx, binary, rate)
		if err != nil {
			return s, err
		}
		s.rows = append(s.rows, row)
		b.say("%d a second: %s", rate, strings.Join(row[1:], ", "))
	}
	return s, nil
}

// latencyAt measures both in turn, so that the ratio is of adjacent measurements.
func (b *benchmark) latencyAt(ctx context.Context, binary string, rate int) ([]string, error) {
	var own, least, other quantiles
	for range b.rounds {
		took, err := b.relayOnce(ctx, rate)
		if err != nil {
			return nil, err
		}
		own.add(took)
		if took, err = b.relayLeast(ctx, rate); err != nil {
			return nil, err
		}
		least.add(took)
		if binary == "" {
			continue
		}
		theirs, err := b.relayAlerts(ctx, binary, rate)
		if err != nil {
			return nil, err
		}
		other.add(theirs)
	}
	row := []string{thousands(float64(rate))}
	for _, q := range []quantiles{own, least} {
		row = append(row, milliseconds(median(q.p50s)), milliseconds(median(q.p99s)))
	}
	if binary == "" {
		return append(row, "", "", "", ""), nil
	}
	return append(row, milliseconds(median(other.p50s)), milliseconds(median(other.p99s)),
		times(medianRatio(own.p50s, other.p50s)), times(medianRatio(least.p50s, other.p50s))), nil
}

// quantiles are the quantiles of several rounds.
type quantiles struct{ p50s, p99s []float64 }

func (q *quantiles) add(d delays) {
	q.p50s = append(q.p50s, float64(d.quantile(0.5)))
	q.p99s = append(q.p99s, float64(d.quantile(0.99)))
}

func (b *benchmark) relayOnce(ctx context.Context, rate int) (took delays, err error) {
	err = b.run(ctx, composition{groups: []group{live(b.liveChannels)}}, func(ctx context.Context, o *operator) error {
		supply := b.supply()
		if err := b.warmUp(ctx, o, supply); err != nil {
			return err
		}
		took, err = o.relay(ctx, supply.during(b.quiet, rate), rate)
		return err
	})
	return took, err
}

// warmUp sends one webhook for every repository and channel.
func (b *benchmark) warmUp(ctx context.Context, o *operator, s *supply) error {
	_, err := o.relay(ctx, s.take(b.liveChannels), busyRate)
	return err
}
