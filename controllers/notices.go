package controllers

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// noticeFor is how long a notice stays on the status: a day, so that it is still there the next morning.
const noticeFor = 24 * time.Hour

// notices are observations in the traffic of a route that its owner should know: a redirect that loses
// webhooks, another repository under the same name, a filter that fails. There is one for each reason, so
// that strangers cannot accumulate them.
type notices struct {
	mu  sync.Mutex
	all map[types.NamespacedName]map[string]notice
}

type notice struct {
	message string
	until   time.Time
}

// put keeps a notice and reports whether it is new.
func (n *notices) put(route types.NamespacedName, reason, message string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[types.NamespacedName]map[string]notice{}
	}
	if n.all[route] == nil {
		n.all[route] = map[string]notice{}
	}
	old := n.all[route][reason]
	n.all[route][reason] = notice{message, now.Add(noticeFor)}
	return old.message != message
}

// of returns the notices of a route, and how long until the first one expires.
func (n *notices) of(route types.NamespacedName, now time.Time) (messages []string, again time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for reason, note := range n.all[route] {
		left := note.until.Sub(now)
		if left <= 0 {
			delete(n.all[route], reason)
			continue
		}
		messages = append(messages, note.message)
		if again == 0 || left < again {
			again = left
		}
	}
	if len(n.all[route]) == 0 {
		delete(n.all, route)
	}
	slices.Sort(messages)
	return messages, again
}

// forget removes the notices of a deleted route.
func (n *notices) forget(route types.NamespacedName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, route)
}
