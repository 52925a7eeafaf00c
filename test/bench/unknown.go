package main

import (
	"context"
	"fmt"
	"net/http"
)

// unknown measures how fast webhooks of undeclared repositories are refused.
func unknown(ctx context.Context, b *benchmark) (section, error) {
	s := section{title: "Unknown repositories refused, per second", head: []string{"connections"}}
	row := []string{"answered 204"}
	for _, n := range b.connections {
		var rates []float64
		for range b.rounds {
			rate, err := b.refuseOnce(ctx, n)
			if err != nil {
				return s, err
			}
			rates = append(rates, rate)
		}
		s.head = append(s.head, fmt.Sprint(n))
		row = append(row, thousands(median(rates)))
	}
	s.rows = [][]string{row}
	s.note = fmt.Sprintf("Of a table of %d routes; the whole webhook is sent, and what is not needed of it is not read.", b.liveChannels)
	return s, nil
}

func (b *benchmark) refuseOnce(ctx context.Context, connections int) (rate float64, err error) {
	known := group{name: "known", n: b.liveChannels, path: func(int) string { return "/take" }}
	err = b.run(ctx, composition{groups: []group{known}}, func(ctx context.Context, o *operator) error {
		requests := &source{webhooks: b.webhooks, again: true}
		burst, err := saturate(ctx, o.address, connections, http.StatusNoContent, requests, b.span)
		rate = burst.rate()
		return err
	})
	return rate, err
}
