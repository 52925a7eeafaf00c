package dispatch

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace keeps each channel from being written to faster than limits.go says.
type pace struct {
	mu       sync.Mutex
	channels map[string]*rate.Limiter
	sweepAt  int
}

func newPace() *pace { return &pace{channels: map[string]*rate.Limiter{}, sweepAt: 1024} }

// reserve takes the channel's next turn and returns how long it is until then.
func (p *pace) reserve(channel string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.channels[channel]
	if !ok {
		p.sweep(now)
		l = rate.NewLimiter(rate.Every(paceInterval), paceBurst)
		p.channels[channel] = l
	}
	return l.ReserveN(now, 1).DelayFrom(now)
}

// sweep forgets the channels that have been quiet, once there are twice as many as were left
// the last time: so its cost is spread over the channels that come.
func (p *pace) sweep(now time.Time) {
	if len(p.channels) < p.sweepAt {
		return
	}
	for name, l := range p.channels {
		if l.TokensAt(now) >= paceBurst {
			delete(p.channels, name)
		}
	}
	p.sweepAt = max(1024, 2*len(p.channels))
}
