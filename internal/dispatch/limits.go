package dispatch

import "time"

// The limits of sending.
const (
	// healthyAttempts and probationAttempts are the slots of the store's two lanes: how many attempts
	// are under way at once to destinations whose last attempt succeeded, and to those whose last
	// attempt failed. A namespace gets at most half of what others leave. See queue.Queue.SetSlots.
	healthyAttempts   = 1024
	probationAttempts = 256
	// attemptTimeout ends one attempt: a login, a join and a slow answer fit.
	attemptTimeout = 30 * time.Second

	// testSlots is how many test messages are sent at once; a namespace gets at most half of what
	// others leave.
	testSlots = 32
	// testInterval is the minimum time between two tests of a route.
	testInterval = 10 * time.Second
	// testTimeout ends a route's test, including the wait for a slot, for the destination's pace and
	// for another replica to log in: the account of one that crashed is free after 15 s.
	testTimeout = 40 * time.Second
	// testRetry is the interval at which the owner of an account is looked up again.
	testRetry = 250 * time.Millisecond
	// testPaceTimeout ends the question to another replica whether a route may be tested.
	testPaceTimeout = 5 * time.Second
	// testMemory is how many tested routes are remembered for testInterval.
	testMemory = 16_384

	// maxConnections is how many accounts are kept connected at once; the tenants' accounts of one
	// namespace get at most half of what others leave. Accounts of the administrator always connect.
	maxConnections = 512

	// tableLag is for how long after its acceptance a delivery waits for its route, where replicas
	// share the store: longer than a replica that lost its watch lags behind.
	tableLag = 15 * time.Minute

	// paceInterval and paceBurst are the pace of one destination: a message a second in the long run,
	// which every service accepts, and a burst before that, so that an ordinary burst of builds is not
	// delayed.
	paceInterval = time.Second
	paceBurst    = 20
	// paceMemory is how many destinations' paces are remembered. One that was forgotten may have
	// another burst.
	paceMemory = 65_536

	// retryBase is the delay before the second attempt; it doubles up to retryCapEarly while a
	// channel has been failing for less than retryEarly, and to retryCapLate later.
	retryBase     = time.Second
	retryCapEarly = time.Minute
	retryEarly    = 10 * time.Minute
	retryCapLate  = 15 * time.Minute

	// storeRetryFirst and storeRetryMost are the delays between calls to a store that does not answer.
	storeRetryFirst = 100 * time.Millisecond
	storeRetryMost  = 10 * time.Second

	// drainTime is how long attempts under way may take to finish when the operator stops, and
	// stopGrace how long a service may take to return after that.
	drainTime = 10 * time.Second
	stopGrace = 5 * time.Second

	// maxReason limits the reason of a failed attempt, in characters.
	maxReason = 256
	// maxTemplates is how many compiled templates are kept.
	maxTemplates = 4096
)

// StopTimeout is how long Run takes at most to return after its context has ended.
const StopTimeout = drainTime + stopGrace
