package cluster

import (
	"context"
	"errors"
	"time"
)

// Leases show which replicas run. A lease expires when it was not renewed for its time to live.
type Leases interface {
	// TTL is how long a lease lasts after it was acquired or renewed.
	TTL() time.Duration
	// Acquire makes a lease, whose name must be new.
	Acquire(ctx context.Context, name string) error
	// Renew renews a lease that this process has acquired. ErrExpired says that it has expired: it
	// never comes back.
	Renew(ctx context.Context, name string) error
	// Expire returns nil if a lease has expired, and makes sure that it cannot be renewed any more.
	// ErrHeld says that it lasts.
	Expire(ctx context.Context, name string) error
	// Release ends a lease of this process's.
	Release(ctx context.Context, name string) error
	// List returns the names of the leases that last. It may be out of date.
	List(ctx context.Context) ([]string, error)
}

var (
	// ErrExpired is returned when the lease has expired, or another replica has seen it expire.
	ErrExpired = errors.New("the lease has expired")
	// ErrHeld is returned when the lease has not expired.
	ErrHeld = errors.New("the lease is held")
)

// Transport carries requests between replicas. They are not stored.
type Transport interface {
	// Serve has fn answer the requests to the address, until the returned function is called, which
	// waits for requests under way or for ctx.
	Serve(address string, fn func(ctx context.Context, request []byte) (answer []byte)) (stop func(ctx context.Context), err error)
	// Request returns the answer from an address. ErrNoReplica means that no replica serves it.
	Request(ctx context.Context, address string, request []byte) ([]byte, error)
}

// ErrNoReplica is returned when the replica does not run any more.
var ErrNoReplica = errors.New("the replica does not run")
