package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// shortestLease is the least time to live of the leases' bucket: it must outlast a slow request.
const shortestLease = time.Second

func bucketConfig(name string, opt *Options) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      name,
		Description: "Which replica of travishook sends for which channels.",
		History:     1,
		TTL:         opt.LeaseTime,
		Storage:     jetstream.FileStorage,
		Replicas:    opt.Replicas,
	}
}

// openBucket makes the leases' bucket, or takes the one that exists. Its time to live is what it
// is: replicas that count in different times would not be safe from each other.
func openBucket(ctx context.Context, js jetstream.JetStream, name string, opt *Options) (jetstream.KeyValue, error) {
	want := bucketConfig(name, opt)
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, want)
	}
	if err != nil {
		return nil, fmt.Errorf("make the bucket %s: %w", name, cannotMake(err))
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the bucket %s: %w", name, err)
	}
	is := status.Config()
	if is.TTL < shortestLease || is.Storage != want.Storage {
		return nil, fmt.Errorf("the bucket %s has storage %v and a time to live of %v where travishook needs file storage and %v: stop all replicas and remove the bucket, which holds leases only", name, is.Storage, is.TTL, want.TTL)
	}
	if is.Replicas == want.Replicas {
		return kv, nil
	}
	if !opt.Adopt {
		return nil, fmt.Errorf("the bucket %s has replicas set to %d where travishook needs %d: set store.external.adopt for one start to have it changed", name, is.Replicas, want.Replicas)
	}
	want.TTL = is.TTL
	if kv, err = js.UpdateKeyValue(ctx, want); err != nil {
		return nil, fmt.Errorf("change replicas of the bucket %s: %w", name, cannotMake(err))
	}
	return kv, nil
}
