package main

import "context"

// scenario is a load beside the working channels, with the delays of each round.
type scenario struct {
	name       string
	p50s, p99s []float64
}

func (s *scenario) add(b *benchmark, took delays) {
	s.p50s = append(s.p50s, float64(took.quantile(0.5)))
	s.p99s = append(s.p99s, float64(took.quantile(0.99)))
	b.say("%s: p50 %s, p99 %s", s.name, milliseconds(last(s.p50s)), milliseconds(last(s.p99s)))
}

// step measures the delays of a scenario.
type step struct {
	*scenario
	measure func() (delays, error)
}

// inEachRound runs the steps against an operator that knows all repositories; each round has a new one.
func (b *benchmark) inEachRound(ctx context.Context, groups []group, steps func(context.Context, *operator, *supply) []step) error {
	round := func(ctx context.Context, o *operator) error {
		supply := b.supply()
		if err := b.warmUp(ctx, o, supply); err != nil {
			return err
		}
		for _, s := range steps(ctx, o, supply) {
			took, err := s.measure()
			if err != nil {
				return err
			}
			s.add(b, took)
		}
		return nil
	}
	for range b.rounds {
		if err := b.run(ctx, composition{groups: groups}, round); err != nil {
			return err
		}
	}
	return nil
}

// compared returns a table of scenarios, each with its ratio to the first.
func compared(title, note string, all ...*scenario) section {
	s := section{title: title, note: note, head: []string{"", "p50", "p99", "p99, times that of " + all[0].name}}
	for _, x := range all {
		s.rows = append(s.rows, []string{
			x.name, milliseconds(median(x.p50s)), milliseconds(median(x.p99s)), times(medianRatio(x.p99s, all[0].p99s)),
		})
	}
	return s
}
