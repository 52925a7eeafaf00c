package jetstream

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// Options are how to open the store; a zero value means the default.
type Options struct {
	// Dir is the directory of the store, on a volume of its own. It needs half as much again
	// as MaxBytes.
	Dir string
	// External is a cluster to keep the store in, instead of the directory.
	External *External
	// MaxBytes is the size at which events are refused; what is stored can still be settled.
	// Default 1 GiB, at least 1 MiB.
	MaxBytes int64
	// Remember is how long a build event that comes again is known for one that was seen. It
	// must be longer than the receiver takes events for fresh. Default 25 h.
	Remember time.Duration
	// KeepDead is how long a dead delivery is kept. Default 7 days.
	KeepDead time.Duration
	// Clock is the time; tests bring their own.
	Clock clock.Clock
	Log   logr.Logger
	// SyncLater has the server answer before it has synced, as is its own default. For tests of
	// what a loss of power takes then, and for nothing else: it breaks the store's promise.
	SyncLater bool

	leaseTime time.Duration // of a shard in an external store; tests have less patience
	ioTimeout time.Duration // of one append, read or purge; tests have less patience
}

const (
	defaultMaxBytes = 1 << 30
	smallestStore   = 1 << 20
	defaultRemember = 25 * time.Hour
	defaultKeepDead = 7 * 24 * time.Hour
	// defaultIOTimeout: a disk that takes longer has failed.
	defaultIOTimeout = 10 * time.Second
	// clusterIOTimeout: a cluster that has lost a leader takes 4 to 9 s to elect another, and
	// more when the votes are split.
	clusterIOTimeout = 20 * time.Second
)

// place checks where the store is to be.
func (o *Options) place() error {
	switch {
	case o.External != nil && o.Dir != "":
		return errors.New("the store needs a directory or an external cluster, not both")
	case o.External != nil:
		return o.External.complete()
	case o.Dir == "":
		return errors.New("the store needs a directory")
	}
	return nil
}

func (o *Options) complete() error {
	if err := o.place(); err != nil {
		return err
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxBytes < smallestStore {
		return fmt.Errorf("the store's limit is %d bytes; it must be at least %d", o.MaxBytes, smallestStore)
	}
	if o.Remember == 0 {
		o.Remember = defaultRemember
	}
	if o.KeepDead == 0 {
		o.KeepDead = defaultKeepDead
	}
	if o.ioTimeout == 0 {
		o.ioTimeout = defaultIOTimeout
		if o.External != nil {
			o.ioTimeout = clusterIOTimeout
		}
	}
	if o.leaseTime == 0 {
		o.leaseTime = leaseTime
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	return nil
}
