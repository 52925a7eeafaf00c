package cluster

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats.go"
)

// refusals are what the cluster does not let its user do, which a person can mend. It says so beside
// the answer to a question, and the answer never comes.
type refusals struct {
	names names
	log   logr.Logger

	mu     sync.Mutex
	last   error
	at     time.Time
	denied func(error) // what else is done about a permission that lacks
}

// refusalMemory is how long a refusal explains why no answer comes, and how often it is logged.
const refusalMemory = time.Minute

// hear takes what the connection reports.
func (r *refusals) hear(err error) {
	denial, sentence := r.sentence(err)
	if sentence == nil {
		r.log.V(1).Info("Store's connection reports", "reason", err.Error())
		return
	}
	r.mu.Lock()
	news := r.last == nil || r.last.Error() != sentence.Error() || time.Since(r.at) > refusalMemory
	if news {
		r.last, r.at = sentence, time.Now()
	}
	tell := r.denied
	r.mu.Unlock()
	if news {
		r.log.Error(sentence, "The cluster refuses what the store needs")
	} else {
		r.log.V(1).Info("The cluster still refuses", "reason", sentence.Error())
	}
	if denial && tell != nil {
		tell(sentence)
	}
}

// sentence says what a person can do about err, or nil where that is nothing.
func (r *refusals) sentence(err error) (denial bool, sentence error) {
	switch {
	case errors.Is(err, nats.ErrPermissionViolation):
		return true, r.names.allow(err)
	case entry(err) != "":
		return false, cannotConnect(err)
	}
	return false, nil
}

// watch has each permission that lacks told to denied; nil ends that.
func (r *refusals) watch(denied func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.denied = denied
}

// forget is for when the cluster lets us in again.
func (r *refusals) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = nil
}

// explain adds to err what was refused a short while ago, which may be why no answer has come.
func (r *refusals) explain(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || r.last == nil || time.Since(r.at) > refusalMemory {
		return err
	}
	return fmt.Errorf("%w: %w", err, r.last)
}
