package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/travishook/travishook/internal/queue/wal"
)

// Options configure the engine; a zero value means the default.
type Options struct {
	// Log is where the journal is kept. The engine closes it.
	Log wal.Log
	// Shards decides which deliveries this process hands out. Default: all.
	Shards Shards
	// MaxBytes is the size at which events are refused; stored ones can still be settled. Default 1 GiB,
	// at least 1 MiB. The log's capacity must be wal.Capacity of it.
	MaxBytes int64
	// MaxMemory is the estimated memory of the state at which events are refused as well. Default
	// 256 MiB.
	MaxMemory int64
	// Remember is how long a repeated build event is recognized. It must be longer than the receiver's
	// age limit. Default 25 h.
	Remember time.Duration
	// KeepDead is how long a dead delivery is kept. Default 7 days.
	KeepDead time.Duration
	// Clock is the time of day, as it is written into the journal.
	Clock  clock.Clock
	Logger logr.Logger
	// IOTimeout limits one append, read or purge. Default 10 s: a disk that takes longer counts as failed.
	IOTimeout time.Duration
	// Known is the journal's high-water mark as it was kept outside of the log and its volume, or nil.
	Known *wal.HighWater
	// SettleDelay is how long a settlement may wait to share the sync of the next acceptance while events
	// arrive: a crash within that time repeats the message. Default 5 ms; negative for none.
	SettleDelay time.Duration
	// Seed is for the random pauses between appends while other processes append. Default: random.
	Seed uint64
	// MaxReopenPause is the longest pause between two attempts to reopen the log. Default 30 s.
	MaxReopenPause time.Duration
}

const (
	// DefaultMaxBytes is the default of Options.MaxBytes.
	DefaultMaxBytes = 1 << 30
	// DefaultMaxMemory is the default of Options.MaxMemory.
	DefaultMaxMemory = 256 << 20

	minMaxBytes           = 1 << 20
	defaultRemember       = 25 * time.Hour
	defaultKeepDead       = 7 * 24 * time.Hour
	defaultIOTimeout      = 10 * time.Second
	defaultMaxReopenPause = 30 * time.Second
	defaultSettleDelay    = 5 * time.Millisecond
)

func (o *Options) complete() error {
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.MaxMemory, DefaultMaxMemory)
	setDefault(&o.Remember, defaultRemember)
	setDefault(&o.KeepDead, defaultKeepDead)
	setDefault(&o.IOTimeout, defaultIOTimeout)
	setDefault(&o.MaxReopenPause, defaultMaxReopenPause)
	setDefault(&o.SettleDelay, defaultSettleDelay)
	setDefault(&o.Seed, rand.Uint64()) //nolint:gosec // nothing secret depends on it
	if o.Shards == nil {
		o.Shards = AllShards{}
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Logger.GetSink() == nil {
		o.Logger = logr.Discard()
	}
	if o.Log == nil {
		return errors.New("the store needs a log")
	}
	return CheckLimit(o.MaxBytes)
}

// CheckLimit returns an error if the limit is too small for a store.
func CheckLimit(maxBytes int64) error {
	if maxBytes != 0 && maxBytes < minMaxBytes {
		return fmt.Errorf("the store's limit is %d bytes; it must be at least %d", maxBytes, minMaxBytes)
	}
	return nil
}

func setDefault[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}
