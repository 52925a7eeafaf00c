// Package simulation runs the store as it runs in production (engines, dispatchers, and the part that
// several replicas need) on a simulated log, network, clock and chat services, in a bubble of
// testing/synctest. A seed decides everything that goes wrong: processes that crash, answers that are
// lost or late, writers that conflict, clocks that jump, leases that run out, channels that fail in
// every way. Hours pass in milliseconds.
//
// After a run, a verdict compares what was promised (each webhook that was answered as stored) with
// what the channels received and what the store holds. docs/development.md says how to run it.
//
// Each decision is a hash of the seed and of what is decided (see dice), never the next number of a
// sequence. So one more operation somewhere changes no other decision.
package simulation
