package journal

import (
	"errors"

	"github.com/travishook/travishook/internal/queue"
)

// usage is the size of something in the log, after purging everything that has ended, and in memory.
type usage struct{ bytes, memory int64 }

func (u *usage) add(o usage) {
	u.bytes += o.bytes
	u.memory += o.memory
}

func (u usage) times(n int64) usage { return usage{u.bytes * n, u.memory * n} }

// The sizes of things without their texts. Bytes are what Carry repeats. They are estimated generously:
// overestimating the live bytes costs space, while underestimating would copy the same bytes repeatedly.
// Memory includes entries of maps and heaps; TestMemoryIsEstimated compares it with the real heap.
var (
	deliveryUsage    = usage{bytes: 250, memory: 180}
	recordUsage      = usage{memory: 270}
	repositoryUsage  = usage{memory: 130}
	buildUsage       = usage{bytes: 130, memory: 130}
	historyUsage     = usage{bytes: 130, memory: 130}
	messageUsage     = usage{bytes: 250, memory: 280}
	runUsage         = usage{bytes: 90, memory: 48}
	statusUsage      = usage{bytes: 500, memory: 560}
	targetUsage      = usage{memory: 210}
	lineUsage        = usage{memory: 60}
	channelUsage     = usage{bytes: 200, memory: 320}
	queueUsage       = usage{memory: 150}
	destinationUsage = usage{memory: 420}
	outcomeUsage     = usage{bytes: 100, memory: 240}
	valueUsage       = usage{bytes: 64, memory: 160}
	namespaceUsage   = usage{memory: 500}
)

// overhead is what a text takes in addition to its bytes, because the allocator rounds up.
const overhead = 8

// texts returns the memory of texts.
func texts(all ...string) (memory int64) {
	for _, t := range all {
		if t != "" {
			memory += int64(len(t)) + overhead
		}
	}
	return memory
}

func withTexts(u usage, all ...string) usage {
	u.memory += texts(all...)
	return u
}

func targetTexts(t *queue.Target) int64 {
	return texts(t.Namespace, t.Route, t.RouteUID, t.Account, t.Address, t.Channel, t.AccountKey, t.Destination)
}

func (v *value) size(k valueKey) usage {
	n := int64(len(v.data))
	return usage{
		bytes:  valueUsage.bytes + n*4/3 + int64(len(k.bucket)+len(k.key)), // base64
		memory: valueUsage.memory + n + texts(k.bucket, k.key),
	}
}

// expectedOutcome is what the outcome of a failed attempt may take, with its reason. It counts against the
// limits for each delivery that has none yet, because outcomes are stored beyond the limits, too: a server that
// refuses all messages of a full store must not make it twice as large.
var expectedOutcome = usage{bytes: outcomeUsage.bytes + 256, memory: outcomeUsage.memory + 256}

// expect adds n times the outcome of a delivery that has none yet.
func (s *State) expect(ns *namespace, n int64) {
	s.expected.add(expectedOutcome.times(n))
	ns.expected.add(expectedOutcome.times(n))
}

// charge adds n times u to the usage of a namespace.
func (s *State) charge(ns *namespace, u usage, n int64) {
	u = u.times(n)
	s.used.add(u)
	ns.used.add(u)
}

// Limits are the sizes at which events are refused.
type Limits struct {
	Bytes  int64 // live in the log
	Memory int64
}

// cost returns the maximum usage of an acceptance.
func cost(size int, targets []queue.Target) usage {
	u := usage{bytes: int64(size), memory: recordUsage.memory + buildUsage.memory + repositoryUsage.memory}
	u.bytes += buildUsage.bytes
	u.add(historyUsage)
	u.add(runUsage)
	for i := range targets {
		t := targetTexts(&targets[i])
		u.add(expectedOutcome)
		u.bytes += deliveryUsage.bytes + statusUsage.bytes + t
		u.memory += deliveryUsage.memory + statusUsage.memory + targetUsage.memory + lineUsage.memory +
			channelUsage.memory + queueUsage.memory + destinationUsage.memory + 2*t
	}
	return u
}

// reservedPart of the store is kept free of namespaces that use more than is free.
const reservedPart = 8

// Room returns nil if there is room for an entry of that size with these targets of a namespace. It returns
// ErrFull if the whole store is full, and ErrShare if the namespace has used its share: it may use as much as
// is left free, and more as long as an eighth of the store stays free. So one that is alone can use seven
// eighths, and the next one finds room: half of what is free then.
func (s *State) Room(name string, size int, targets []queue.Target, limit Limits) error {
	more, own, all := cost(size, targets), s.usageOf(name), s.usage()
	free := usage{limit.Bytes - all.bytes, limit.Memory - all.memory}
	switch {
	case more.bytes > free.bytes || more.memory > free.memory:
		return queue.ErrFull
	case !shared(own.bytes+more.bytes, free.bytes, more.bytes, limit.Bytes),
		!shared(own.memory+more.memory, free.memory, more.memory, limit.Memory):
		return queue.ErrShare
	}
	return nil
}

// shared reports whether a namespace may use own, if more of it is taken from what is free.
func shared(own, free, more, limit int64) bool {
	return own <= free || free-more >= limit/reservedPart
}

// usage and usageOf return what all namespaces use, or one, with the outcomes of their deliveries.
func (s *State) usage() usage {
	u := s.used
	u.add(s.expected)
	return u
}

func (s *State) usageOf(name string) (u usage) {
	if ns, ok := s.namespaces[name]; ok {
		u = ns.used
		u.add(ns.expected)
	}
	return u
}

// usualTargets is about how many channels an event goes to, and usualEvent its size with them.
const (
	usualEvent   = 8 << 10
	usualTargets = 4
)

// Usage returns what is kept for a namespace.
func (s *State) Usage(name string, limit Limits) queue.Usage {
	u := queue.Usage{Namespace: name}
	ns, ok := s.namespaces[name]
	if !ok {
		return u
	}
	u.Deliveries, u.Bytes, u.Memory = ns.deliveries, ns.used.bytes, ns.used.memory
	own, all := s.usageOf(name), s.usage()
	u.Share = max(share(own.bytes, all.bytes, limit.Bytes), share(own.memory, all.memory, limit.Memory))
	u.Full = errors.Is(s.Room(name, usualEvent, make([]queue.Target, usualTargets), limit), queue.ErrShare)
	return u
}

// Usages returns what is kept for each namespace, in no order.
func (s *State) Usages(limit Limits) []queue.Usage {
	all := make([]queue.Usage, 0, len(s.namespaces))
	for name := range s.namespaces {
		all = append(all, s.Usage(name, limit))
	}
	return all
}

// share is the part that own is of what the namespace could use.
func share(own, used, limit int64) float64 {
	others := used - own
	most := max((limit-others)/2, limit-limit/reservedPart-others)
	if own >= most {
		return 1
	}
	return float64(own) / float64(most)
}
