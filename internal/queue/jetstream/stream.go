package jetstream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "TRAVISHOOK_JOURNAL"
	subject    = "travishook.journal"
)

// streamBytes is the stream's own limit: above the one at which events are refused, so that
// outcomes can still be stored and trimming has room to carry what is alive.
func streamBytes(maxBytes int64) int64 { return maxBytes + reserve(maxBytes) }

func reserve(maxBytes int64) int64 { return maxBytes/4 + 2*maxPayload }

func streamConfig(maxBytes int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Description: "What travishook accepted, and what came of it.",
		Subjects:    []string{subject},
		Storage:     jetstream.FileStorage,
		Replicas:    1,
		// Nothing is dropped but by trimming; a full stream refuses what is new.
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew,
		MaxBytes:   maxBytes,
		MaxMsgSize: maxPayload,
		// Messages are read back by number, as they are.
		AllowDirect: true,
		DenyDelete:  true,
	}
}

// openStream makes the stream, or takes the one that exists if it is what we would have made.
// Only its limit may change, which loses nothing.
func openStream(ctx context.Context, js jetstream.JetStream, maxBytes int64) (jetstream.Stream, error) {
	want := streamConfig(maxBytes)
	stream, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if stream, err = js.CreateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("make the stream %s: %w", streamName, err)
		}
		return stream, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the stream %s: %w", streamName, err)
	}
	is := stream.CachedInfo().Config
	if err := differs(&is, &want); err != nil {
		return nil, err
	}
	if is.MaxBytes != want.MaxBytes {
		if stream, err = js.UpdateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("set the limit of the stream %s: %w", streamName, err)
		}
	}
	return stream, nil
}

// differs names the first setting of the stream that is not ours. Such a stream may have lost
// messages already, or would lose them.
func differs(is, want *jetstream.StreamConfig) error {
	name, value, needed := difference(is, want)
	if name == "" {
		return nil
	}
	return fmt.Errorf("the stream %s has %s set to %v where travishook needs %v: set it back, or move the directory away to begin with an empty store", streamName, name, value, needed)
}

// difference is the first setting that differs, or an empty name.
func difference(is, want *jetstream.StreamConfig) (name string, value, needed any) {
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
