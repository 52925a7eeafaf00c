package dispatch

import "time"

// Every bound of sending, with its reason.
const (
	// healthyAttempts bounds the attempts under way to channels whose last attempt arrived.
	// They end fast, so it bounds a burst, not the throughput.
	healthyAttempts = 512
	// probationAttempts bounds those to channels whose last attempt failed, and which may
	// hang until attemptTimeout. It is a bound of its own, so that no number of dead
	// channels takes a live one's place; small enough that they cost little, and large
	// enough for each of some thousand to be tried within its backoff.
	probationAttempts = 128
	// slowAttempts bounds those of either lane that have been under way for slowAfter. They
	// leave their lane's places to others: so a thousand rooms that all begin to hang in the
	// same moment, and are in the healthy lane for the last time, delay a live one by that
	// much and not by attemptTimeout.
	slowAttempts = 1024
	slowAfter    = 250 * time.Millisecond
	// attemptTimeout ends one attempt: a login, a join and a slow answer fit.
	attemptTimeout = 30 * time.Second

	// tableLag is how long after its acceptance a delivery of a route that is not known waits for
	// it, where replicas share the store: longer than a replica is behind that lost its watch.
	tableLag = 15 * time.Minute

	// paceInterval and paceBurst are how fast one channel is written to: a second apart
	// when it goes on and on, which every service takes, and a score at once before that,
	// so that an ordinary burst of builds is not slowed down.
	paceInterval = time.Second
	paceBurst    = 20

	// retryBase is the wait before the second attempt; it doubles up to retryCapEarly
	// while a channel has been failing for less than retryEarly, and to retryCapLate later.
	retryBase     = time.Second
	retryCapEarly = time.Minute
	retryEarly    = 10 * time.Minute
	retryCapLate  = 15 * time.Minute

	// storePauseFirst and storePauseMost lie between tries of a store that does not answer.
	storePauseFirst = 100 * time.Millisecond
	storePauseMost  = 10 * time.Second

	// trialTimeout ends a test message, which may have to wait for another replica to be logged in:
	// one that has died holds its accounts for 15 s. trialPause lies between two looks for it.
	trialTimeout = 40 * time.Second
	trialPause   = 250 * time.Millisecond

	// drainTime is what attempts under way get to end in when the operator stops, and
	// stopGrace what a service gets to obey the end of that.
	drainTime = 10 * time.Second
	stopGrace = 5 * time.Second

	// maxReason bounds the line that says why an attempt failed, in characters.
	maxReason = 256
)

// StopTimeout is how long Run takes to end, at most, once its context has.
const StopTimeout = drainTime + stopGrace

// DefaultRetryLimit is how long a delivery is tried where the settings do not say.
const DefaultRetryLimit = 24 * time.Hour
