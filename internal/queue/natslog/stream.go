package natslog

import (
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Config is the configuration of a stream that holds a log.
func Config(name, subject string, maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Description: "Events that travishook accepted, and the outcomes of their deliveries.",
		Subjects:    []string{subject},
		Storage:     jetstream.FileStorage,
		Replicas:    1,
		// Only Purge drops messages; a full stream refuses new ones.
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew,
		MaxBytes:   maxBytes,
		MaxMsgSize: wal.LargestMessage,
		// Messages are read by number.
		AllowDirect: true,
		DenyDelete:  true,
	}
}

// Difference returns the first setting of a stream that differs from the required one, or an empty name.
// A stream with other settings may have lost messages, or would lose them.
func Difference(is, want *jetstream.StreamConfig) (name string, value, needed any) {
	settings := []struct {
		name     string
		is, want any
	}{
		{"subjects", fmt.Sprint(is.Subjects), fmt.Sprint(want.Subjects)},
		{"storage", is.Storage, want.Storage},
		{"replicas", is.Replicas, want.Replicas},
		{"retention", is.Retention, want.Retention},
		{"discard", is.Discard, want.Discard},
		{"max_age", is.MaxAge, want.MaxAge},
		{"max_msgs", max(is.MaxMsgs, 0), max(want.MaxMsgs, 0)},
		{"max_msgs_per_subject", max(is.MaxMsgsPerSubject, 0), max(want.MaxMsgsPerSubject, 0)},
		{"max_msg_size", is.MaxMsgSize, want.MaxMsgSize},
		{"no_ack", is.NoAck, want.NoAck},
		{"sealed", is.Sealed, want.Sealed},
		{"deny_purge", is.DenyPurge, want.DenyPurge},
		{"allow_direct", is.AllowDirect, want.AllowDirect},
	}
	for _, s := range settings {
		if s.is != s.want {
			return s.name, s.is, s.want
		}
	}
	return "", nil, nil
}
