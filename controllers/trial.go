package controllers

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// maxRequest bounds what of the annotation's value is looked at.
const maxRequest = 253

// TestResult is what came of a test message in one channel.
type TestResult struct {
	Account, Address string
	Delivered        bool
	Reason           string
}

// trials are the tests that annotations ask for: under way, or done and not yet on the status.
type trials struct {
	mu  sync.Mutex
	all map[types.NamespacedName]*v1alpha1.RouteTest // zero time while under way
}

// request is the test that a route asks for, empty if none.
func request(route *v1alpha1.TravisRoute) string {
	value := []rune(route.Annotations[v1alpha1.AnnotationTest])
	return string(value[:min(len(value), maxRequest)])
}

// begin reports whether a test is to be made: it is asked for, was not made, and is not under way.
func (t *trials) begin(key types.NamespacedName, asked string, last *v1alpha1.RouteTest) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if asked == "" || (last != nil && last.Request == asked) {
		return false
	}
	if known, ok := t.all[key]; ok && known.Request == asked {
		return false
	}
	if t.all == nil {
		t.all = map[types.NamespacedName]*v1alpha1.RouteTest{}
	}
	t.all[key] = &v1alpha1.RouteTest{Request: asked}
	return true
}

// end keeps what came of it, for the status.
func (t *trials) end(key types.NamespacedName, result *v1alpha1.RouteTest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[key] = result
}

// last is what the status should tell of: the newest test that is over.
func (t *trials) last(key types.NamespacedName, old *v1alpha1.RouteTest) *v1alpha1.RouteTest {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.all[key]
	switch {
	case !ok || known.Time.IsZero():
		return old
	case old != nil && old.Request == known.Request:
		delete(t.all, key) // it is written
		return old
	}
	return known
}

func (t *trials) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, key)
}

// startTest makes the test that a route asks for, beside the writing of status, for a room may take
// its time.
func (w *StatusWriter) startTest(ctx context.Context, route *v1alpha1.TravisRoute) {
	key := types.NamespacedName{Namespace: route.Namespace, Name: route.Name}
	asked := request(route)
	if !w.trials.begin(key, asked, route.Status.Test) {
		return
	}
	go func() {
		results, err := w.SendTest(ctx, key)
		if ctx.Err() != nil { // the lease is lost: whoever has it now makes the test
			w.trials.forget(key)
			return
		}
		w.trials.end(key, testStatus(asked, time.Now(), results, err))
		w.turns.soon(subject{kindRoute, key}, 0)
	}()
}

func testStatus(asked string, now time.Time, results []TestResult, err error) *v1alpha1.RouteTest {
	s := &v1alpha1.RouteTest{Request: asked, Time: metav1.NewTime(now.Truncate(time.Second)), Passed: err == nil}
	if err != nil {
		s.Reason = bounded(err.Error())
	}
	for _, r := range results {
		s.Passed = s.Passed && r.Delivered
		s.Channels = append(s.Channels, v1alpha1.ChannelTest{
			Account: r.Account, Address: clipped(r.Address, maxAddress), Delivered: r.Delivered, Reason: bounded(r.Reason),
		})
	}
	return s
}
