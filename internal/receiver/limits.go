package receiver

import "time"

// Every bound of the receiver, and why it is what it is.
const (
	// MaxBody is the size of a body. A payload holds the whole build configuration and every
	// job; Travis' largest are some hundred kB, and form encoding can triple one.
	MaxBody = 4 << 20

	// LargeBody is the size from which a body needs one of the few slots for large ones, so
	// that memory stays under about MaxUnderWay*LargeBody + MaxLargeUnderWay*MaxBody, a few
	// times over for what is decoded. One that does not tell its size counts as large.
	LargeBody = 256 << 10

	// MaxUnderWay bounds the webhooks that are read, verified and stored at the same time. Storing
	// groups those that wait together into one sync, so more at once is not slower.
	MaxUnderWay = 256

	// MaxLargeUnderWay is how many of these may have a large body.
	MaxLargeUnderWay = 8

	// SlotWait is how long a webhook waits for a slot before 503. Travis waits for a minute and
	// never tries again, so a short wait is better than none.
	SlotWait = 5 * time.Second

	// MaxHeader is the size of a request's headers. Travis sends under 1 kB, a proxy adds some.
	MaxHeader = 16 << 10

	// maxSlug is how much of an unknown slug a log line shows.
	maxSlug = 140

	// HeaderTimeout is for the headers, from the connection or the last answer on.
	HeaderTimeout = 10 * time.Second

	// ReadTimeout is for the whole request. 4 MiB in 30 s is slower than any line Travis has.
	ReadTimeout = 30 * time.Second

	// StoreTimeout is for the store to sync an event: longer than a NATS cluster that has lost a
	// leader takes to elect another. Beyond it the store is as good as gone. Travis waits for 60 s.
	StoreTimeout = 25 * time.Second

	// WriteTimeout runs from the end of the headers to the end of the answer, so it covers
	// reading, the wait for a slot and storing; it stays under the minute that Travis waits.
	WriteTimeout = 55 * time.Second

	// IdleTimeout is for a connection that an ingress keeps open between two webhooks.
	IdleTimeout = 2 * time.Minute
)
