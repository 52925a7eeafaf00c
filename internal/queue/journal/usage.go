package journal

import (
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
	for i := range targets {
		t := targetTexts(&targets[i])
		u.bytes += deliveryUsage.bytes + statusUsage.bytes + t
		u.memory += deliveryUsage.memory + statusUsage.memory + targetUsage.memory + lineUsage.memory +
			channelUsage.memory + queueUsage.memory + destinationUsage.memory + 2*t
	}
	return u
}

// Room returns nil if there is room for an entry of that size with these targets of a namespace. It returns
// ErrFull if the whole store is full, and ErrShare if the namespace uses as much as is left free: so one
// namespace can use half, two can use a third each, and there is always room for another.
func (s *State) Room(name string, size int, targets []queue.Target, limit Limits) error {
	more, own := cost(size, targets), usage{}
	if ns, ok := s.namespaces[name]; ok {
		own = ns.used
	}
	free := usage{limit.Bytes - s.used.bytes, limit.Memory - s.used.memory}
	switch {
	case more.bytes > free.bytes || more.memory > free.memory:
		return queue.ErrFull
	case own.bytes+more.bytes > free.bytes || own.memory+more.memory > free.memory:
		return queue.ErrShare
	}
	return nil
}

// Usage returns the usage of a namespace.
func (s *State) Usage(name string, limit Limits) queue.Usage {
	ns, ok := s.namespaces[name]
	if !ok {
		return queue.Usage{}
	}
	return queue.Usage{
		Deliveries: ns.deliveries, Bytes: ns.used.bytes, Memory: ns.used.memory,
		Share: max(
			share(ns.used.bytes, limit.Bytes-s.used.bytes),
			share(ns.used.memory, limit.Memory-s.used.memory),
		),
	}
}

func share(used, free int64) float64 {
	if used >= free {
		return 1
	}
	return float64(used) / float64(free)
}
