// Package cluster lets several replicas share one store: each has an engine of its own on one log.
// docs/adr/0005-replicas.md explains the design.
//
// The channels are divided into shards, and only a shard's owner hands out its deliveries. The owners are a
// value in the journal (owners.go), which a replica changes by compare-and-put. So all replicas agree on it,
// and an applied claim proves that everything before it is applied, too. A replica renews one lease (Leases);
// when it has expired, the others take its shards (member.go). shards.go decides for the engine which
// deliveries it may hand out.
//
// The log, the leases and the requests between replicas are interfaces (wal.Log, Leases, Transport), so that
// all of this can be simulated. Open implements them on a NATS cluster: log.go, leases.go, transport.go.
package cluster
