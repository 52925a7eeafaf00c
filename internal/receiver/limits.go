package receiver

import "time"

// Every limit of the receiver, with its reason. Senders of unproven webhooks share limited resources, and
// never occupy a place that a proven webhook needs.
const (
	// MaxBody is the size of a body. Travis repeats the commit's message in every job: 200 jobs with a
	// message of 64 kB, of which form encoding and JSON make up to nine bytes each, are 118 MB. A
	// body is decoded as it arrives, so its size costs no memory.
	MaxBody = 128 << 20

	// MaxConnections limits the open connections. An idle one takes some 20 kB, with TLS some 50 kB.
	MaxConnections = 2048

	// MaxReading limits the memory of all webhooks that are being read: a tenth of the chart's memory
	// limit.
	MaxReading = 48 << 20

	// readingBase is the memory that each of them takes at least: headers, the decoder's buffers and
	// garbage.
	readingBase = 24 << 10

	// LargeBody is the part of a body that is decoded at once. Decoding beyond it is limited, so that one
	// processor is left for small bodies.
	LargeBody = 256 << 10

	// MaxUnderWay limits the proven webhooks that are stored at the same time. Group commit stores all
	// waiting ones with one sync, so a higher number is not slower.
	MaxUnderWay = 256

	// SlotWait is how long a proven webhook waits for one of these places before it is answered 503.
	// Travis waits for a minute and never retries, so a short wait is better than none.
	SlotWait = 5 * time.Second

	// MaxTargets limits the channels of one namespace to which an event is delivered: 16 routes with 32
	// channels each.
	MaxTargets = 512

	// MaxHeader is the size of a request's headers. Travis sends under 1 kB, a proxy adds some.
	MaxHeader = 16 << 10

	// HeaderTimeout is for the headers, from the connection or the last answer on. A request that is
	// refused by its headers has the same time again to send its body, which is not read.
	HeaderTimeout = 10 * time.Second

	// ReadGrace and LeastRate: after the grace, a body must arrive at this many bytes a second. Travis
	// sends at least a hundred times as fast.
	ReadGrace = 5 * time.Second
	LeastRate = 16 << 10

	// ReadTimeout is for the whole body.
	ReadTimeout = 30 * time.Second

	// StoreTimeout is for the store to sync an event: longer than a NATS cluster takes to elect a new
	// leader. Travis waits for 60 s.
	StoreTimeout = 25 * time.Second

	// WriteTimeout runs from the end of the headers to the end of the answer, so it covers
	// reading and storing; it stays under the minute that Travis waits.
	WriteTimeout = 58 * time.Second

	// IdleTimeout is for a connection that an ingress keeps open between two webhooks.
	IdleTimeout = 2 * time.Minute
)
