package main

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// paced posts webhooks at a rate, without waiting for answers, and returns when each was due: so that the
// figures include webhooks that arrive while a receiver stalls.
func paced(ctx context.Context, to relayed, webhooks []webhook, rate int) (sent []int64, err error) {
	const connections = 16
	conns, err := dialAll(to.address, connections)
	if err != nil {
		return nil, err
	}
	defer closeAll(conns)
	var (
		due     = make(chan int, len(webhooks))
		failed  = make(chan error, connections)
		posting sync.WaitGroup
	)
	sent = make([]int64, len(webhooks))
	for _, c := range conns {
		posting.Go(func() {
			for i := range due {
				if err := c.expect(webhooks[i], to.answer); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	atRate(ctx, len(webhooks), rate, func(i int) {
		sent[i] = sinceStart()
		due <- i
	})
	close(due)
	posting.Wait()
	close(failed)
	return sent, <-failed
}

// atRate calls do n times, rate times a second. After a late timer it catches up at once.
func atRate(ctx context.Context, n, rate int, do func(i int)) {
	began := time.Now()
	for i := range n {
		next := time.NewTimer(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		select {
		case <-next.C:
			do(i)
		case <-ctx.Done():
			next.Stop()
			return
		}
	}
}

// delays are times from a POST to the arrival in the channel.
type delays []time.Duration

// relayed is a server that relays posted requests to a sink.
type relayed struct {
	address string
	sink    *sink
	answer  int // its status code when it takes a request
}

// relay posts webhooks at a rate and waits until all of them have arrived.
func (o *operator) relay(ctx context.Context, webhooks []webhook, rate int) (delays, error) {
	return relay(ctx, o.relayed(), webhooks, rate)
}

func (o *operator) relayed() relayed { return relayed{o.address, o.sink, http.StatusAccepted} }

func relay(ctx context.Context, to relayed, webhooks []webhook, rate int) (delays, error) {
	sent, err := paced(ctx, to, webhooks, rate)
	if err != nil {
		return nil, err
	}
	if err := to.sink.await(ctx, webhooks); err != nil {
		return nil, err
	}
	took := make(delays, len(webhooks))
	for i, w := range webhooks {
		took[i] = time.Duration(to.sink.arrived[w.mark].Load() - sent[i])
	}
	slices.Sort(took)
	return took, nil
}

// quantile returns a quantile of the sorted delays.
func (d delays) quantile(part float64) time.Duration {
	return d[min(int(part*float64(len(d))), len(d)-1)]
}
