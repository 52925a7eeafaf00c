package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/journal"
)

// disconnectTimeout is how long a test message may go on, and a connection may take to end, before the
// shard is released all the same.
const disconnectTimeout = 45 * time.Second

// shards decides for the engine what this replica may hand out: the shards that the journal says are its
// own, while its lease is certain to last.
type shards struct {
	engine *engine.Engine // set before there is a lease
	logger logr.Logger

	mu      sync.Mutex
	lease   string    // empty while there is none
	until   time.Time // the lease is certain to last until then
	owners  owners
	owner   [queue.Shards]string // the same by shard
	leaving map[int]*leaving     // shards of ours that are to be another's
	onLeave func(gone func(accountKey string) bool) (quiet <-chan struct{})
	lost    []int // shards that were taken, whose connections are still to be ended
}

// leaving is a shard that is released as soon as nothing of it is under way or connected.
type leaving struct {
	quiet    <-chan struct{} // closed when nothing is connected any more; nil until that is asked for
	deadline time.Time       // for that
}

var _ engine.Shards = (*shards)(nil)

func newShards(logger logr.Logger) *shards {
	return &shards{logger: logger, owners: owners{}, leaving: map[int]*leaving{}}
}

// Sends implements engine.Shards.
func (s *shards) Sends(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours(shard) && s.leaving[shard] == nil && time.Now().Before(s.until)
}

// Owns implements engine.Shards.
func (s *shards) Owns(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ours(shard)
}

// ours reports whether the journal says that the shard is ours. The caller holds the lock.
func (s *shards) ours(shard int) bool { return s.lease != "" && s.owner[shard] == s.lease }

// holds reports whether connections on behalf of the shard may be open.
func (s *shards) holds(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leaving[shard]
	return s.ours(shard) && (l == nil || l.quiet == nil) && time.Now().Before(s.until)
}

// Applied implements engine.Shards. It takes up what the journal says who owns what.
func (s *shards) Applied(p *journal.Put) {
	if p.Bucket != ownersBucket || p.Key != ownersKey {
		return
	}
	o, err := parseOwners(p.Value)
	if err != nil {
		s.logger.Error(err, "the shards' owners cannot be read; they stay as they were")
		return
	}
	gained, lost := s.change(o)
	for _, shard := range gained {
		s.engine.SetSends(shard, true)
	}
	for _, shard := range lost {
		s.engine.Lose(shard)
	}
	if len(gained)+len(lost) > 0 {
		s.logger.Info("this replica sends for shards", "shards", s.count(), "total", queue.Shards, "replicas", len(o))
	}
}

func (s *shards) change(o owners) (gained, lost []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.owner
	s.owners, s.owner = o, o.byShard()
	if s.lease == "" {
		return nil, nil
	}
	for shard := range s.owner {
		switch was, is := before[shard] == s.lease, s.owner[shard] == s.lease; {
		case is && !was:
			gained = append(gained, shard)
		case was && !is:
			lost = append(lost, shard)
			if s.leaving[shard] == nil {
				s.lost = append(s.lost, shard)
			}
			delete(s.leaving, shard)
		}
	}
	return gained, lost
}

// table returns a copy of who owns what.
func (s *shards) table() owners {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := owners{}
	for lease, shards := range s.owners {
		o[lease] = append([]int(nil), shards...)
	}
	return o
}

// holder is the lease of the shard's owner.
func (s *shards) holder(shard int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner[shard]
}

// count is how many shards are ours to keep.
func (s *shards) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for shard := range s.owner {
		if s.ours(shard) && s.leaving[shard] == nil {
			n++
		}
	}
	return n
}

// current is the lease, and whether it is certain to last.
func (s *shards) current() (lease string, valid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease, s.lease != "" && time.Now().Before(s.until)
}

// remaining is how long the lease is certain to last.
func (s *shards) remaining() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.until)
}

// extend notes that the lease lasts until then.
func (s *shards) extend(lease string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease, s.until = lease, until
}

// loseAll gives up the lease, which may have expired: its shards may be another's. It returns how many
// they were.
func (s *shards) loseAll() int {
	s.mu.Lock()
	var mine []int
	for shard := range s.owner {
		if s.ours(shard) {
			mine = append(mine, shard)
		}
	}
	s.lease, s.leaving = "", map[int]*leaving{}
	s.lost = append(s.lost, mine...)
	s.mu.Unlock()
	for _, shard := range mine {
		s.engine.Lose(shard)
	}
	s.disconnectLost()
	return len(mine)
}

// disconnectLost has the connections on behalf of lost shards ended.
func (s *shards) disconnectLost() {
	s.mu.Lock()
	lost := s.lost
	s.lost = nil
	s.mu.Unlock()
	for _, shard := range lost {
		s.disconnect(shard)
	}
}

// disconnect has the connections on behalf of a shard ended.
func (s *shards) disconnect(shard int) (quiet <-chan struct{}) {
	return s.end(func(accountKey string) bool { return queue.AccountShard(accountKey) == shard })
}

// awaitQuiet ends all connections and waits until they have ended.
func (s *shards) awaitQuiet(ctx context.Context) error {
	select {
	case <-s.end(func(string) bool { return true }):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end connections: %w", ctx.Err())
	}
}

func (s *shards) end(gone func(accountKey string) bool) (quiet <-chan struct{}) {
	s.mu.Lock()
	onLeave := s.onLeave
	s.mu.Unlock()
	if onLeave == nil {
		none := make(chan struct{})
		close(none)
		return none
	}
	return onLeave(gone)
}

// leave chooses shards to be released, the last ones, until no more than share are left.
func (s *shards) leave(share int) {
	spare := s.count() - share
	for shard := queue.Shards - 1; shard >= 0 && spare > 0; shard-- {
		s.mu.Lock()
		chosen := s.ours(shard) && s.leaving[shard] == nil
		if chosen {
			s.leaving[shard] = &leaving{}
			spare--
		}
		s.mu.Unlock()
		if chosen {
			s.engine.SetSends(shard, false)
		}
	}
}

// stay keeps shards that were to be released after all, where the share has grown.
func (s *shards) stay(share int) {
	missing := share - s.count()
	for shard := 0; shard < queue.Shards && missing > 0; shard++ {
		s.mu.Lock()
		l := s.leaving[shard]
		kept := l != nil && l.quiet == nil
		if kept {
			delete(s.leaving, shard)
			missing--
		}
		s.mu.Unlock()
		if kept {
			s.engine.SetSends(shard, true)
		}
	}
}

// released returns the shards to be released of which nothing is under way or connected any more.
func (s *shards) released() (done []int) {
	s.mu.Lock()
	all := make(map[int]*leaving, len(s.leaving))
	for shard, l := range s.leaving {
		all[shard] = l
	}
	s.mu.Unlock()
	for shard, l := range all {
		if s.engine.SetSends(shard, false) > 0 {
			continue
		}
		s.mu.Lock()
		quiet := l.quiet
		s.mu.Unlock()
		if quiet == nil {
			s.mu.Lock()
			l.quiet, l.deadline = make(chan struct{}), time.Now().Add(disconnectTimeout) // holds is false from now on
			s.mu.Unlock()
			quiet = s.disconnect(shard)
			s.mu.Lock()
			l.quiet = quiet
			s.mu.Unlock()
		}
		select {
		case <-quiet:
			done = append(done, shard)
		default:
			if time.Now().After(l.deadline) {
				done = append(done, shard)
			}
		}
	}
	return done
}
