package dispatch

import (
	"math/rand/v2"
	"time"
)

// backoff is the wait after a failed attempt: up to retryBase after the first, doubling with each
// one up to a cap. Anything from 0 to the whole is as likely (full jitter), so that what failed
// together does not come back together.
//
// attempt counts from 1; tried is how long the delivery has been tried; fraction is in [0, 1).
func backoff(attempt int, tried time.Duration, fraction float64) time.Duration {
	limit := retryCapLate
	if tried < retryEarly {
		limit = retryCapEarly
	}
	wait := limit
	if doublings := attempt - 1; doublings < 16 { // beyond that, every cap is passed
		wait = min(limit, retryBase<<max(doublings, 0))
	}
	return time.Duration(fraction * float64(wait))
}

// jitter is where the waits get their fraction from.
func jitter() float64 { return rand.Float64() } //nolint:gosec // nothing secret depends on it
