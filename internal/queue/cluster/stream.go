package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/natslog"
)

func streamConfig(n names, maxBytes int64, replicas int) jetstream.StreamConfig {
	config := natslog.Config(n.stream, n.subject, maxBytes)
	config.Replicas = replicas
	config.MaxMsgSize = -1 // the server has its own
	// A direct read may be answered by a server that is behind.
	config.AllowDirect = false
	// How long an append that was not answered can be sent again under the same id.
	config.Duplicates = 2 * time.Minute
	return config
}

// openStream creates the stream, or takes the one that exists if it is what we would have created, or
// may be changed to that. A stream that holds more than a lowered limit keeps spare bytes for outcomes,
// without which it could not become smaller.
func openStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, spare int64, adopt bool) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if stream, err = js.CreateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("create stream %s: %w", want.Name, explain(err))
		}
		return stream, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", want.Name, explain(err))
	}
	is := stream.CachedInfo().Config
	want.MaxBytes = max(want.MaxBytes, int64(stream.CachedInfo().State.Bytes)+spare)
	name, value, needed := natslog.Difference(&is, &want)
	if name != "" && !adopt {
		return nil, fmt.Errorf("stream %s has %s set to %v where travishook needs %v: set store.external.adopt for one start to have it changed, or change it with the nats command", want.Name, name, value, needed)
	}
	if name != "" || is.MaxBytes != want.MaxBytes {
		if stream, err = js.UpdateStream(ctx, want); err != nil {
			return nil, fmt.Errorf("change %s of stream %s: %w", cmp.Or(name, "max_bytes"), want.Name, explain(err))
		}
	}
	return stream, nil
}
