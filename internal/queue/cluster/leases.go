package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// leaseTTL is how long a replica that has died keeps its shards. It is longer than a cluster takes
	// to elect a leader, so that losing a server loses no lease.
	leaseTTL = 15 * time.Second
	// minLeaseTTL is the least time to live of a bucket that exists: it must outlast a slow request.
	minLeaseTTL = time.Second
)

// bucketLeases are leases in a bucket: an entry each, which the servers drop when it was not written
// for as long as the bucket's time to live. The servers' clocks must agree to within a quarter of that.
type bucketLeases struct {
	kv     jetstream.KeyValue
	stream jetstream.Stream // that the bucket is kept in
	prefix string           // of the entries' subjects
	ttl    time.Duration

	mu        sync.Mutex
	revisions map[string]uint64 // of our own
}

var _ Leases = (*bucketLeases)(nil)

// expiredMark is the value of an entry that Expire makes, for a moment.
const expiredMark = "expired"

func openLeases(ctx context.Context, js jetstream.JetStream, name string, opt *Options) (*bucketLeases, error) {
	kv, err := openBucket(ctx, js, name, opt)
	if err != nil {
		return nil, err
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("get the bucket %s: %w", name, err)
	}
	stream, err := js.Stream(ctx, "KV_"+name)
	if err != nil {
		return nil, fmt.Errorf("get the bucket %s: %w", name, err)
	}
	l := &bucketLeases{kv: kv, stream: stream, prefix: "$KV." + name + ".", ttl: status.TTL(), revisions: map[string]uint64{}}
	return l, l.probe(ctx)
}

// probe asks for what may be needed for the first time long after the start, so that a missing
// permission is found now.
func (l *bucketLeases) probe(ctx context.Context) error {
	if _, err := l.kv.Get(ctx, "none"); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return fmt.Errorf("read the bucket %s: %w", l.kv.Bucket(), err)
	}
	if err := l.purge(ctx, "none"); err != nil {
		return fmt.Errorf("purge the bucket %s: %w", l.kv.Bucket(), err)
	}
	return nil
}

// TTL implements Leases.
func (l *bucketLeases) TTL() time.Duration { return l.ttl }

// Acquire implements Leases.
func (l *bucketLeases) Acquire(ctx context.Context, name string) error {
	revision, err := l.kv.Create(ctx, name, []byte(name))
	if err != nil {
		return fmt.Errorf("acquire lease: %w", err)
	}
	l.remember(name, revision)
	return nil
}

// Renew implements Leases.
func (l *bucketLeases) Renew(ctx context.Context, name string) error {
	l.mu.Lock()
	revision := l.revisions[name]
	l.mu.Unlock()
	next, err := l.kv.Update(ctx, name, []byte(name), revision)
	if wrongRevision(err) {
		// A renewal that was not answered may have been stored.
		next, err = l.renewFound(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("renew lease: %w", err)
	}
	l.remember(name, next)
	return nil
}

// renewFound renews a lease of ours whose revision we do not know.
func (l *bucketLeases) renewFound(ctx context.Context, name string) (revision uint64, err error) {
	entry, err := l.kv.Get(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return 0, ErrExpired
	case err != nil:
		return 0, err
	case string(entry.Value()) != name:
		return 0, ErrExpired
	}
	revision, err = l.kv.Update(ctx, name, []byte(name), entry.Revision())
	if wrongRevision(err) {
		return 0, ErrExpired
	}
	return revision, err
}

func wrongRevision(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

func (l *bucketLeases) remember(name string, revision uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revisions[name] = revision
}

// Expire implements Leases. An entry can be made only where there is none, by the bucket's leader. Its
// holder cannot renew by the old revision after that.
func (l *bucketLeases) Expire(ctx context.Context, name string) error {
	if _, err := l.kv.Create(ctx, name, []byte(expiredMark)); err != nil {
		if wrongRevision(err) {
			return ErrHeld
		}
		return fmt.Errorf("expire lease: %w", err)
	}
	return l.purge(ctx, name)
}

// Release implements Leases.
func (l *bucketLeases) Release(ctx context.Context, name string) error { return l.purge(ctx, name) }

func (l *bucketLeases) purge(ctx context.Context, name string) error {
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSubject(l.prefix+name)); err != nil {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}

// List implements Leases.
func (l *bucketLeases) List(ctx context.Context) ([]string, error) {
	info, err := l.stream.Info(ctx, jetstream.WithSubjectFilter(l.prefix+">"))
	if err != nil {
		return nil, fmt.Errorf("list leases: %w", err)
	}
	var names []string
	for subject := range info.State.Subjects {
		names = append(names, strings.TrimPrefix(subject, l.prefix))
	}
	return names, nil
}

func bucketConfig(name string, opt *Options) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      name,
		Description: "Which replicas of travishook run.",
		History:     1,
		TTL:         opt.LeaseTTL,
		Storage:     jetstream.FileStorage,
		Replicas:    opt.Replicas,
	}
}

// openBucket creates the leases' bucket, or takes the one that exists. Its time to live is kept as it
// is: replicas that count in different times would not be safe from each other.
func openBucket(ctx context.Context, js jetstream.JetStream, name string, opt *Options) (jetstream.KeyValue, error) {
	want := bucketConfig(name, opt)
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, want)
	}
	if err != nil {
		return nil, fmt.Errorf("create bucket %s: %w", name, explain(err))
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("get the bucket %s: %w", name, err)
	}
	is := status.Config()
	if is.TTL < minLeaseTTL || is.Storage != want.Storage {
		return nil, fmt.Errorf("bucket %s has storage %v and a time to live of %v where travishook needs file storage and %v: stop all replicas and remove the bucket, which holds leases only", name, is.Storage, is.TTL, want.TTL)
	}
	if is.Replicas == want.Replicas {
		return kv, nil
	}
	if !opt.Adopt {
		return nil, fmt.Errorf("bucket %s has replicas set to %d where travishook needs %d: set store.external.adopt for one start to have it changed", name, is.Replicas, want.Replicas)
	}
	want.TTL = is.TTL
	if kv, err = js.UpdateKeyValue(ctx, want); err != nil {
		return nil, fmt.Errorf("change replicas of bucket %s: %w", name, explain(err))
	}
	return kv, nil
}
