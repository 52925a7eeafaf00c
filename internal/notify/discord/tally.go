package discord

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/travishook/travishook/internal/notify"
)

// Discord blocks an IP address for an hour or more after 10 000 answers of 401, 403 and 429 within ten
// minutes. All accounts of all namespaces share the address, and two windows may meet, so that it
// stops well below.
const (
	tallyWindow = 10 * time.Minute
	tallyLimit  = 4000
)

// ofProcess counts the answers to all accounts.
var ofProcess tally

// tally counts the answers that Discord counts against an IP address.
type tally struct {
	mu    sync.Mutex
	since time.Time
	bad   int
	by    map[string]int // bad, by namespace of a tenant
}

// check returns an error while no request may be sent for a namespace: it may have at most as many bad answers as are
// left for all. So one that fails on purpose gets half of them, and the others still send. The administrator's accounts
// have no namespace, and may have all.
func (t *tally) check(namespace string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := time.Until(t.since.Add(tallyWindow))
	if t.by[namespace] < tallyLimit-t.bad || left <= 0 {
		return nil
	}
	reason := "discord refused so many requests of this operator that it would block the operator's address"
	if t.bad < tallyLimit {
		reason = "discord refused so many requests of this namespace that it would block the address, which others share"
	}
	return notify.RetryAfter(errors.New(reason), left)
}

// count counts an answer. A limit that is shared with others is not counted by Discord.
func (t *tally) count(namespace string, a notify.Answer) {
	bad := a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden ||
		a.Status == http.StatusTooManyRequests && a.Header.Get("X-RateLimit-Scope") != "shared"
	if !bad {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.since) >= tallyWindow {
		t.since, t.bad, t.by = time.Now(), 0, map[string]int{}
	}
	t.bad++
	if namespace != "" {
		t.by[namespace]++
	}
}
