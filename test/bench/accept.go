package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
)

// subject is one of the compared servers.
type subject struct {
	name string
	// answer measures 202s per second.
	answer func(ctx context.Context, b *benchmark, connections int) (float64, error)
}

var (
	relaying   = subject{"travishook, sending meanwhile", answerRelaying}
	leastRelay = subject{"least: verify, decode, sync together, post", answerLeastRelay}
	holding    = subject{"travishook, sending nothing", answerHolding}
	leastStore = subject{"least: verify, decode, sync together", answerLeastStore}
	publishing = subject{"ceiling: verify, decode, publish each synced to JetStream", answerPublishing}
	verifying  = subject{"ceiling: verify and decode", answerVerifying}

	comparisons = []subject{relaying, leastRelay, holding, leastStore, publishing, verifying}
	// ratios are of the first to the second.
	ratios = []struct {
		text string
		of   [2]subject
	}{
		{"ratio: travishook, sending meanwhile, to the least", [2]subject{relaying, leastRelay}},
		{"ratio: travishook, sending nothing, to the least", [2]subject{holding, leastStore}},
		{"ratio: travishook, sending meanwhile, to publishing each", [2]subject{relaying, publishing}},
		{"ratio: travishook, sending nothing, to publishing each", [2]subject{holding, publishing}},
		{"ratio: the least, posting, to verifying and decoding", [2]subject{leastRelay, verifying}},
		{"ratio: the least, posting nothing, to verifying and decoding", [2]subject{leastStore, verifying}},
	}
)

// accept measures the rate of webhooks answered 202, beside ceilings and the disk.
func accept(ctx context.Context, b *benchmark) (section, error) {
	rates := map[string][]float64{} // by subject and connections
	var syncs []float64
	for range b.rounds {
		rate, err := syncRate(b.newStore(), b.span)
		if err != nil {
			return section{}, err
		}
		syncs = append(syncs, rate)
		for _, n := range b.connections {
			for _, s := range comparisons {
				rate, err := s.answer(ctx, b, n)
				if err != nil {
					return section{}, fmt.Errorf("%s: %w", s.name, err)
				}
				key := fmt.Sprint(s.name, n)
				rates[key] = append(rates[key], rate)
			}
			b.say("%d connections: %s a second while sending", n, thousands(last(rates[fmt.Sprint(relaying.name, n)])))
		}
	}
	return acceptSection(b, rates, syncs), nil
}

func acceptSection(b *benchmark, rates map[string][]float64, syncs []float64) section {
	s := section{
		title: "Webhooks answered 202, per second",
		head:  []string{"connections"},
		note: fmt.Sprintf("The disk syncs %s blocks of 4 kB per second. Behind the webhooks are %d repositories, each with a "+
			"channel of its own, because the operator writes to one channel 20 times at once and then once a second.",
			thousands(median(syncs)), b.liveChannels),
	}
	for _, n := range b.connections {
		s.head = append(s.head, fmt.Sprint(n))
	}
	for _, subject := range comparisons {
		row := []string{subject.name}
		for _, n := range b.connections {
			row = append(row, thousands(median(rates[fmt.Sprint(subject.name, n)])))
		}
		s.rows = append(s.rows, row)
	}
	for _, ratio := range ratios {
		row := []string{ratio.text}
		for _, n := range b.connections {
			row = append(row, times(medianRatio(rates[fmt.Sprint(ratio.of[0].name, n)], rates[fmt.Sprint(ratio.of[1].name, n)])))
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func answerRelaying(ctx context.Context, b *benchmark, connections int) (float64, error) {
	return answerOperator(ctx, b, connections, false)
}

func answerHolding(ctx context.Context, b *benchmark, connections int) (float64, error) {
	return answerOperator(ctx, b, connections, true)
}

// answerOperator measures an operator that has had an event of every repository and channel, and checks that
// every accepted message arrives.
func answerOperator(ctx context.Context, b *benchmark, connections int, sendsNothing bool) (rate float64, err error) {
	c := composition{groups: []group{live(b.liveChannels)}, sendsNothing: sendsNothing}
	err = b.run(ctx, c, func(ctx context.Context, o *operator) error {
		requests := &source{webhooks: b.webhooks[:b.liveChannels]}
		if _, err := saturate(ctx, o.address, slices.Max(b.connections), http.StatusAccepted, requests, patience); err != nil {
			return err
		}
		if !sendsNothing {
			if err := o.sink.await(ctx, requests.webhooks); err != nil {
				return err
			}
		}
		requests = &source{webhooks: b.webhooks[b.liveChannels:]}
		burst, err := saturate(ctx, o.address, connections, http.StatusAccepted, requests, b.span)
		if err != nil {
			return err
		}
		rate = burst.rate()
		if sendsNothing {
			return nil
		}
		return o.sink.await(ctx, requests.webhooks[:burst.answered])
	})
	return rate, err
}

func answerVerifying(ctx context.Context, b *benchmark, connections int) (float64, error) {
	return answerCeiling(ctx, b, connections, &ceiling{keep: forget})
}

func answerPublishing(ctx context.Context, b *benchmark, connections int) (float64, error) {
	dir := b.newStore()
	defer os.RemoveAll(dir)
	stream, err := openPlainStream(ctx, dir)
	if err != nil {
		return 0, err
	}
	rate, err := answerCeiling(ctx, b, connections, &ceiling{keep: stream.keep})
	if closed := stream.close(); err == nil {
		err = closed
	}
	return rate, err
}

func answerLeastStore(ctx context.Context, b *benchmark, connections int) (float64, error) {
	return answerLeast(ctx, b, connections, nil)
}

func answerLeastRelay(ctx context.Context, b *benchmark, connections int) (float64, error) {
	sink, err := openSink(0)
	if err != nil {
		return 0, err
	}
	defer sink.close()
	return answerLeast(ctx, b, connections, sink)
}

func answerLeast(ctx context.Context, b *benchmark, connections int, to *sink) (rate float64, err error) {
	err = b.runLeast(to, func(l *least) error {
		rate, err = answerCeiling(ctx, b, connections, &ceiling{keep: l.keep})
		return err
	})
	return rate, err
}

func answerCeiling(ctx context.Context, b *benchmark, connections int, c *ceiling) (float64, error) {
	address, stop, err := c.serve()
	if err != nil {
		return 0, err
	}
	defer stop()
	requests := &source{webhooks: b.webhooks, again: true}
	burst, err := saturate(ctx, address, connections, http.StatusAccepted, requests, b.span)
	return burst.rate(), err
}
