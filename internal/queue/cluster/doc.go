// Package cluster has several replicas share one store: each has an engine of its own on one log.
// docs/adr/0005-replicas.md says why it is as it is.
//
// The channels are divided into shards, and each shard has one owner, which alone hands out its
// deliveries. Who owns what is a value in the journal (owners.go), which a replica changes by
// compare-and-put; so all replicas agree on it, and a claim that is applied proves that everything
// before it is applied, too. A replica holds one lease (Leases), which it renews; when that has
// expired, the others take its shards (member.go). shards.go tells the engine what it may hand out.
//
// The log, the leases and the requests between replicas are interfaces (wal.Log, Leases, Transport),
// so that all of this can be simulated. Open has them on a NATS cluster: log.go, leases.go,
// transport.go.
package cluster
