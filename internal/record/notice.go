package record

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// noticeInterval is the minimum time between two log lines of the same notice, and maxNotices is how many
// notices are remembered for that. Strangers can cause some notices at any rate.
const (
	noticeInterval = 10 * time.Minute
	maxNotices     = 10_000
)

// notices remembers when each was last logged.
type notices struct {
	mu   sync.Mutex
	last *lru.Cache[notice, time.Time]
}

type notice struct{ namespace, repository, reason string }

func newNotices() *notices {
	last, _ := lru.New[notice, time.Time](maxNotices) // fails for a size below 1 only
	return &notices{last: last}
}

// due reports whether n should be logged now.
func (s *notices) due(n notice, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last.Get(n); ok && now.Sub(last) < noticeInterval {
		return false
	}
	s.last.Add(n, now)
	return true
}

// Noticed records a problem with a repository's webhooks that a namespace should know of: one of the
// receiver's reasons, and a message that says what to do.
func (r *Recorder) Noticed(namespace, repository, reason, message string) {
	r.metrics.notices.WithLabelValues(reason).Inc()
	if r.notices.due(notice{namespace, repository, reason}, time.Now()) {
		r.log.Info("problem with webhooks", "namespace", namespace, "repository", repository, "reason", reason, "message", message)
	}
}
