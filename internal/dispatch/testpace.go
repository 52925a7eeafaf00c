package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// testPaceKind is the kind of the requests to count a test of a route.
const testPaceKind = "test-pace"

// testPaceRequest asks the replica that counts the tests of a route.
type testPaceRequest struct {
	Route string `json:"route"` // its UID
}

// testPaceReply says whether the route may be tested.
type testPaceReply struct {
	Wait time.Duration `json:"wait,omitempty"` // until it may be; zero if it may be now
}

// beginTest counts a test of the route, unless it is too soon. One replica counts for all: the one that would
// be logged in as an account of that name. While none is known to be, this replica counts.
func (d *Dispatcher) beginTest(ctx context.Context, route string) error {
	if d.config.Peers.Holds(route) {
		return d.tests.begin(route, time.Now())
	}
	reply, err := d.askTestPace(ctx, route)
	switch {
	case err != nil:
		return d.tests.begin(route, time.Now())
	case reply.Wait > 0:
		return &TooSoonError{reply.Wait}
	}
	return nil
}

func (d *Dispatcher) askTestPace(ctx context.Context, route string) (reply testPaceReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, testPaceTimeout)
	defer cancel()
	request, err := json.Marshal(testPaceRequest{route})
	if err != nil {
		return reply, fmt.Errorf("ask another replica: %w", err)
	}
	data, err := d.config.Peers.AskOwner(ctx, route, testPaceKind, request)
	if err == nil {
		err = json.Unmarshal(data, &reply)
	}
	if err != nil {
		return reply, fmt.Errorf("ask another replica: %w", err)
	}
	return reply, nil
}

// answerTestPace counts a test that another replica is about to make.
func (d *Dispatcher) answerTestPace(_ context.Context, data []byte) ([]byte, error) {
	var request testPaceRequest
	if err := json.Unmarshal(data, &request); err != nil {
		return nil, fmt.Errorf("decode request: %w", err)
	}
	return json.Marshal(testPaceReply{Wait: d.tests.wait(request.Route, time.Now())})
}
