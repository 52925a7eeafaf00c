package routing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/text"
)

const (
	// keptChecks is how many templates' results are kept: enough for a large cluster.
	keptChecks = 5_000
	// maxFault limits the stored text of a mistake, in characters.
	maxFault = 512
)

// checkKey is the hash of a template, its text and its syntax.
type checkKey [sha256.Size]byte

func keyOfMessage(m *v1alpha1.MessageTemplate) checkKey {
	return sha256.Sum256([]byte(string(m.Syntax) + "\x00" + m.Text))
}

// checks runs Config.CheckMessage for templates, outside of the compiler's lock. A template is checked
// once: its result is kept by its content and is part of the snapshot, so that a restart does not
// check it again.
//
// Until run is called, request checks synchronously. From then on, templates wait in a queue for each
// namespace. The workers serve the namespaces in turn, with one worker for a namespace at a time, so a
// thousand slow templates delay only their own namespace.
type checks struct {
	check   func(v1alpha1.MessageTemplate) error
	results *lru.Cache[checkKey, string] // the mistake, empty if there is none

	mu      sync.Mutex
	running bool
	queues  map[string][]queuedCheck // by namespace
	order   []string                 // namespaces that have something in their queue and no worker
	wake    chan struct{}
}

type queuedCheck struct {
	key     checkKey
	message v1alpha1.MessageTemplate
}

func newChecks(check func(v1alpha1.MessageTemplate) error) *checks {
	results, err := lru.New[checkKey, string](keptChecks)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &checks{check: check, results: results, queues: map[string][]queuedCheck{}, wake: make(chan struct{}, 1)}
}

// result returns a template's mistake, or an empty text; known is false while it is not checked.
func (c *checks) result(m *v1alpha1.MessageTemplate) (fault string, known bool) {
	if m == nil || m.Text == "" || c.check == nil {
		return "", true
	}
	return c.results.Get(keyOfMessage(m))
}

// request queues a template to be checked. Without workers it checks it at once.
func (c *checks) request(namespace string, m *v1alpha1.MessageTemplate) {
	if _, known := c.result(m); known {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		c.mu.Unlock()
		defer c.mu.Lock()
		c.perform(queuedCheck{keyOfMessage(m), *m})
		return
	}
	queue := c.queues[namespace]
	c.queues[namespace] = append(queue, queuedCheck{keyOfMessage(m), *m})
	if queue == nil {
		c.order = append(c.order, namespace)
		c.signal()
	}
}

func (c *checks) perform(q queuedCheck) {
	fault := ""
	if err := c.check(q.message); err != nil {
		fault = text.TruncateRunes(err.Error(), maxFault)
	}
	c.results.Add(q.key, fault)
}

// signal wakes a worker, which wakes the next if there is more to do.
func (c *checks) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run checks templates with the given number of workers until ctx ends, and calls done after each.
func (c *checks) run(ctx context.Context, workers int, done func(namespace string, key checkKey)) {
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for c.wait(ctx) {
				for c.next(done) && ctx.Err() == nil {
				}
			}
		})
	}
	group.Wait()
}

func (c *checks) wait(ctx context.Context) bool {
	select {
	case <-c.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

// next checks a template of the namespace whose turn it is.
func (c *checks) next(done func(namespace string, key checkKey)) bool {
	c.mu.Lock()
	if len(c.order) == 0 {
		c.mu.Unlock()
		return false
	}
	namespace := c.order[0]
	if c.order = c.order[1:]; len(c.order) > 0 {
		c.signal()
	}
	q := c.queues[namespace][0]
	c.mu.Unlock()

	if !c.results.Contains(q.key) {
		c.perform(q)
	}
	done(namespace, q.key)

	c.mu.Lock()
	defer c.mu.Unlock()
	if rest := c.queues[namespace][1:]; len(rest) > 0 {
		c.queues[namespace] = rest
		c.order = append(c.order, namespace)
		c.signal()
	} else {
		delete(c.queues, namespace)
	}
	return true
}

// snapshot returns the results of the templates, by the hash in hexadecimal.
func (c *checks) snapshot(messages []*v1alpha1.MessageTemplate) map[string]string {
	kept := map[string]string{}
	for _, m := range messages {
		if m == nil || c.check == nil {
			continue
		}
		key := keyOfMessage(m)
		if fault, known := c.results.Peek(key); known {
			kept[hex.EncodeToString(key[:])] = fault
		}
	}
	return kept
}

// restore takes the results of a snapshot.
func (c *checks) restore(kept map[string]string) {
	for name, fault := range kept {
		key, err := hex.DecodeString(name)
		if err == nil && len(key) == len(checkKey{}) {
			c.results.Add(checkKey(key), fault)
		}
	}
}
