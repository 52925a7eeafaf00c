package record

import (
	"sync"
	"time"
)

// noticeEvery is how often one notice is logged, and maxNotices how many are remembered for that:
// strangers can bring some about as often as they like.
const (
	noticeEvery = 10 * time.Minute
	maxNotices  = 10_000
)

// notices remembers when each was last logged. The zero value is ready for use.
type notices struct {
	mu   sync.Mutex
	last map[notice]time.Time
}

type notice struct{ namespace, repository, reason string }

// due tells whether n should be logged again, and counts on that it is.
func (s *notices) due(n notice, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[n]; ok && now.Sub(last) < noticeEvery {
		return false
	}
	if s.last == nil || len(s.last) >= maxNotices {
		s.last = map[notice]time.Time{}
	}
	s.last[n] = now
	return true
}

// Noticed records what people of a namespace should know of a repository's webhooks: a reason,
// one of the receiver's few words, and a sentence that says what to do.
func (r *Recorder) Noticed(namespace, repository, reason, message string) {
	r.metrics.notices.WithLabelValues(reason).Inc()
	if r.notices.due(notice{namespace, repository, reason}, time.Now()) {
		r.log.Info(message, "namespace", namespace, "repository", repository, "reason", reason)
	}
}
