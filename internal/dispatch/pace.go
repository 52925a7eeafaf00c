package dispatch

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// pace limits how often each destination is sent to. See paceInterval.
type pace struct {
	mu           sync.Mutex
	destinations *lru.Cache[string, *rate.Limiter]
}

func newPace() *pace {
	destinations, _ := lru.New[string, *rate.Limiter](paceMemory) // fails for a size below 1 only
	return &pace{destinations: destinations}
}

// sent counts an attempt that was made now, and returns until when the destination rests: the zero time
// if it may be sent to at once.
func (p *pace) sent(destination string, now time.Time) (rest time.Time) {
	l := p.limiter(destination)
	l.ReserveN(now, 1)
	missing := 1 - l.TokensAt(now)
	if missing <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(missing * float64(paceInterval)))
}

// delay is how long the destination rests from now.
func (p *pace) delay(destination string, now time.Time) time.Duration {
	missing := 1 - p.limiter(destination).TokensAt(now)
	return max(0, time.Duration(missing*float64(paceInterval)))
}

func (p *pace) limiter(destination string) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.destinations.Get(destination)
	if !ok {
		l = rate.NewLimiter(rate.Every(paceInterval), paceBurst)
		p.destinations.Add(destination, l)
	}
	return l
}
