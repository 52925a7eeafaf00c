package receiver

import "time"

// Every bound of the receiver, and why it is what it is. Before a webhook is proven, whoever sends it
// is a stranger: they share what strangers may have, and never hold a place that a proven one needs.
const (
	// MaxBody is the size of a body. Travis repeats the commit's message in every job: 200 jobs with a
	// message of 64 kB, of which form encoding and JSON make up to nine bytes each, are 118 MB. A
	// body is decoded as it arrives, so its size costs no memory.
	MaxBody = 128 << 20

	// MaxConnections that are open. A connection that waits takes some 20 kB, with TLS some 50 kB.
	MaxConnections = 2048

	// MaxReading is the memory that all webhooks may take together while they are read. It is a
	// tenth of the memory limit of the chart.
	MaxReading = 48 << 20

	// readingBase is what one of them takes from the start: its headers, the buffers of the
	// decoder, and what decoding leaves to the garbage collector.
	readingBase = 24 << 10

	// LargeBody is how much of a body is decoded whenever the processor has time. What is beyond is
	// decoded by so many at a time that a processor is left for the others.
	LargeBody = 256 << 10

	// MaxUnderWay bounds the proven webhooks that are stored at the same time. Storing groups those
	// that wait together into one sync, so more at once is not slower.
	MaxUnderWay = 256

	// SlotWait is how long a proven webhook waits for one of these places before 503. Travis waits
	// for a minute and never tries again, so a short wait is better than none.
	SlotWait = 5 * time.Second

	// MaxTargets bounds the channels of one namespace that one event goes to: 16 routes with 32
	// channels each.
	MaxTargets = 512

	// MaxHeader is the size of a request's headers. Travis sends under 1 kB, a proxy adds some.
	MaxHeader = 16 << 10

	// HeaderTimeout is for the headers, from the connection or the last answer on. A request that is
	// refused by its headers has as long again to send its body, which is not read.
	HeaderTimeout = 10 * time.Second

	// ReadGrace and LeastRate: a body must have arrived at this many bytes a second, beginning after
	// the grace. Any line that Travis has is a hundred times as fast.
	ReadGrace = 5 * time.Second
	LeastRate = 16 << 10

	// ReadTimeout is for the whole body.
	ReadTimeout = 30 * time.Second

	// StoreTimeout is for the store to sync an event: longer than a NATS cluster that has lost a
	// leader takes to elect another. Beyond it the store is as good as gone. Travis waits for 60 s.
	StoreTimeout = 25 * time.Second

	// WriteTimeout runs from the end of the headers to the end of the answer, so it covers
	// reading and storing; it stays under the minute that Travis waits.
	WriteTimeout = 58 * time.Second

	// IdleTimeout is for a connection that an ingress keeps open between two webhooks.
	IdleTimeout = 2 * time.Minute
)
