// Package filestore checks and repairs the files of one stream as nats-server's file store keeps
// them, while no server runs on them.
//
// At its start, nats-server cuts a message block at the first record that it cannot read, removes
// empty blocks, and ignores a stream whose meta files are damaged. All of that loses what could still
// be read, without a copy. So the files are checked before every start: damaged ones are copied
// aside, and what is left in their place is sound and holds every record that can still be read.
//
// The format is that of nats-server 2.10 to 2.15, without encryption and compression. A test writes
// a stream with the server that is linked and reads it here, so that a change of format is noticed.
package filestore
