package dispatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// testMark starts the text of a test message, to distinguish it from a build.
const testMark = "[test] "

// tests limits test messages.
type tests struct {
	slots  *share
	mu     sync.Mutex
	routes *lru.Cache[string, time.Time] // when each was last tested, by UID
}

func newTests() *tests {
	routes, _ := lru.New[string, time.Time](testMemory) // fails for a size below 1 only
	return &tests{slots: newShare(testSlots), routes: routes}
}

// TooSoonError is returned for a route that was tested less than testInterval ago.
type TooSoonError struct {
	// Wait is how long until the route can be tested again.
	Wait time.Duration
}

func (e *TooSoonError) Error() string {
	return fmt.Sprintf("the route was tested less than %s ago; try again in %s", testInterval, e.Wait.Round(time.Second))
}

// begin counts a test of the route, unless it is too soon.
func (t *tests) begin(route string, now time.Time) error {
	if wait := t.wait(route, now); wait > 0 {
		return &TooSoonError{wait}
	}
	return nil
}

// wait returns how long until the route can be tested; zero if it can be now, which counts as a test.
func (t *tests) wait(route string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.routes.Get(route); ok && now.Sub(last) < testInterval {
		return testInterval - now.Sub(last)
	}
	t.routes.Add(route, now)
	return 0
}

// SendTest sends a test message to each channel of a route and returns the results in the order of the
// route's targets. The messages go through the same limits as deliveries: the namespace's share, one
// message at a time to a destination, and its pace. They are not stored and not retried.
func (d *Dispatcher) SendTest(ctx context.Context, route *routing.Route) ([]record.TestResult, error) {
	if err := d.beginTest(ctx, route.UID); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	event := travis.TestEvent(route.SampleRepository(), time.Now())
	results := make([]record.TestResult, len(route.Targets))
	var pending sync.WaitGroup
	for i, t := range route.Targets {
		results[i].Target = t
		release, err := d.tests.slots.acquire(ctx, t.Namespace)
		if err != nil {
			results[i].Failure = "not sent: too many test messages of the namespace are under way; try again later"
			continue
		}
		pending.Go(func() {
			defer release()
			note, err := d.sendTestTo(ctx, t, event)
			results[i].Note = note
			if err != nil {
				results[i].Failure = err.Error()
			}
		})
	}
	pending.Wait()
	return results, nil
}

// sendTestTo sends a test message to one target, through the replica that holds its account. The error is
// nil if the service has confirmed the message; the note may then still report a problem. Both are one
// line without secrets.
func (d *Dispatcher) sendTestTo(ctx context.Context, t queue.Target, e travis.Event) (note string, err error) {
	for {
		note, err := d.sendTestHere(ctx, t, e)
		elsewhere, ok := errors.AsType[*elsewhereError](err)
		if !ok {
			return note, err
		}
		if note, err = d.askTest(ctx, elsewhere.accountKey, t, e); !errors.Is(err, queue.ErrNoOwner) {
			return note, err
		}
		// The replica that held it has crashed, or the account is being moved.
		if !sleep(ctx, testRetry) {
			return "", fmt.Errorf("no replica of the operator is logged in as account %s at the moment; try again in a few seconds", elsewhere.accountKey)
		}
	}
}

// sendTestHere sends a test message if this replica may use its account.
func (d *Dispatcher) sendTestHere(ctx context.Context, t queue.Target, e travis.Event) (note string, err error) {
	resolved, err := d.config.Resolver.Resolve(t)
	if err != nil {
		return "", err
	}
	message, fault := render.Message(resolved.Template, e)
	message.ID = testID()
	message.Text = testMark + message.Text
	message.Spans = slices.Insert(message.Spans, 0, notify.Span{Text: testMark})
	if err := d.keepPace(ctx, resolved.destination()); err != nil {
		return "", err
	}
	if _, err := d.send(ctx, t, resolved, message); err != nil {
		if _, elsewhere := errors.AsType[*elsewhereError](err); elsewhere {
			return "", err
		}
		return "", errors.New(text.OneLine(err.Error(), maxReason))
	}
	if fault != nil {
		note = text.OneLine("the default text was sent, because the template failed: "+fault.Error(), maxReason)
	}
	return note, nil
}

// keepPace waits until the destination may be sent to, and counts a message.
func (d *Dispatcher) keepPace(ctx context.Context, destination string) error {
	for {
		wait := d.pace.delay(destination, time.Now())
		if wait == 0 {
			d.pace.sent(destination, time.Now())
			return nil
		}
		if !sleep(ctx, wait) {
			return errors.New("not sent: the channel gets a message a second at most, and others came first; try again later")
		}
	}
}

// testRequest asks another replica for a test message; it looks up the target itself.
type testRequest struct {
	Target queue.Target `json:"target"`
	Event  travis.Event `json:"event"`
}

// testReply is the result.
type testReply struct {
	Note    string `json:"note,omitempty"`
	Failure string `json:"failure,omitempty"` // empty if the message was delivered
	NoOwner bool   `json:"noOwner,omitempty"` // it does not hold the account, or does not know the channel yet
}

// askTest has the replica that holds the account send a test message.
func (d *Dispatcher) askTest(ctx context.Context, accountKey string, t queue.Target, e travis.Event) (note string, err error) {
	request, err := json.Marshal(testRequest{t, e})
	if err != nil {
		return "", fmt.Errorf("ask another replica: %w", err)
	}
	data, err := d.config.Peers.AskOwner(ctx, accountKey, testKind, request)
	switch {
	case errors.Is(err, queue.ErrNoOwner):
		return "", err
	case errors.Is(err, context.DeadlineExceeded):
		return "", fmt.Errorf("another replica of the operator is logged in as account %s, and did not answer in time", accountKey)
	case err != nil:
		return "", errors.New(text.OneLine(err.Error(), maxReason))
	}
	var reply testReply
	if err := json.Unmarshal(data, &reply); err != nil {
		return "", fmt.Errorf("ask another replica: %w", err)
	}
	switch {
	case reply.NoOwner:
		return "", queue.ErrNoOwner
	case reply.Failure != "":
		return "", errors.New(text.OneLine(reply.Failure, maxReason))
	}
	return text.OneLine(reply.Note, maxReason), nil
}

// answerTest sends a test message that another replica asks for.
func (d *Dispatcher) answerTest(ctx context.Context, data []byte) ([]byte, error) {
	var request testRequest
	var reply testReply
	if err := json.Unmarshal(data, &request); err != nil {
		reply.Failure = "the replica that is logged in does not understand the request: the replicas run different versions"
	} else {
		reply = d.replyToTest(ctx, request)
	}
	return json.Marshal(reply)
}

func (d *Dispatcher) replyToTest(ctx context.Context, r testRequest) testReply {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	release, err := d.tests.slots.acquire(ctx, r.Target.Namespace)
	if err != nil {
		return testReply{Failure: err.Error()}
	}
	defer release()
	note, err := d.sendTestHere(ctx, r.Target, r.Event)
	_, elsewhere := errors.AsType[*elsewhereError](err)
	switch {
	// The replica that asks has found the route and its channel: the table here is outdated.
	case elsewhere, errors.Is(err, ErrRouteDeleted), errors.Is(err, ErrChannelRemoved):
		return testReply{NoOwner: true}
	case err != nil:
		return testReply{Failure: text.OneLine(err.Error(), maxReason)}
	}
	return testReply{Note: note}
}

// testID returns an ID that no delivery has.
func testID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	return hex.EncodeToString(id[:])
}
