package dispatch

import (
	"math/rand/v2"
	"time"
)

// backoff returns the delay after a failed attempt: up to retryBase after the first, doubling with each
// one up to a cap. Any delay from 0 to that is equally likely (full jitter), so that deliveries that
// failed together are not retried together.
//
// attempt counts from 1; tried is for how long the delivery has been tried; fraction is in [0, 1).
func backoff(attempt int, tried time.Duration, fraction float64) time.Duration {
	limit := retryCapLate
	if tried < retryEarly {
		limit = retryCapEarly
	}
	wait := limit
	if doublings := attempt - 1; doublings < 16 { // larger ones exceed every cap
		wait = min(limit, retryBase<<max(doublings, 0))
	}
	return time.Duration(fraction * float64(wait))
}

// jitter returns the random fraction of a delay.
func jitter() float64 { return rand.Float64() } //nolint:gosec // nothing secret depends on it
