package nats

import (
	"errors"
	"sync/atomic"
)

// endpoint is where a node listens. The node chooses another port each time it starts, so that no other
// process can have taken it.
type endpoint struct{ address atomic.Pointer[string] }

func (e *endpoint) set(address string) { e.address.Store(&address) }

// get returns an error while the node has not started yet.
func (e *endpoint) get() (string, error) {
	if address := e.address.Load(); address != nil {
		return *address, nil
	}
	return "", errors.New("the node has not started")
}
