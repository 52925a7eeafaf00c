package main

import "context"

// situation is what a live room has for neighbours, with the delays of each round.
type situation struct {
	name         string
	halves, tail []float64
}

func (s *situation) add(b *bench, took delays) {
	s.halves = append(s.halves, float64(took.quantile(0.5)))
	s.tail = append(s.tail, float64(took.quantile(0.99)))
	b.say("%s: p50 %s, p99 %s", s.name, milliseconds(last(s.halves)), milliseconds(last(s.tail)))
}

// step is a situation, and how its delays are measured.
type step struct {
	*situation
	measure func() (delays, error)
}

// inTurn takes an operator that has met everybody through the steps, in each round a new one.
func (b *bench) inTurn(ctx context.Context, streets []street, steps func(context.Context, *operator, *supply) []step) error {
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
		if err := b.run(ctx, composition{streets: streets}, round); err != nil {
			return err
		}
	}
	return nil
}

// compared is a table of situations, each with its ratio to the first.
func compared(title, note string, all ...*situation) section {
	s := section{title: title, note: note, head: []string{"", "p50", "p99", "p99, times that of " + all[0].name}}
	for _, x := range all {
		s.rows = append(s.rows, []string{
			x.name, milliseconds(median(x.halves)), milliseconds(median(x.tail)), times(medianRatio(x.tail, all[0].tail)),
		})
	}
	return s
}
