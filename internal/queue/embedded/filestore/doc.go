// Package filestore checks and repairs the files of one stream as nats-server's file store keeps
// them, while no server runs on them.
//
// At its start, nats-server cuts a message block at the first unreadable record, removes empty blocks, and
// ignores a stream whose meta files are damaged. Each of these loses readable records, without a copy. So
// the files are checked before every start: damaged ones are kept in a separate folder, and replaced with
// sound ones that contain every readable record.
//
// The format is that of nats-server 2.10 to 2.15, without encryption and compression. A test writes a
// stream with the linked server and reads it here, so that a change of the format is noticed.
package filestore
