package controllers

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// maxRequest limits how much of the annotation's value is used.
const maxRequest = 253

// The reasons of a test without a result.
const (
	testUnderWay    = "the test is under way"
	testInterrupted = "the replica that made the test has stopped, so its result is not known; test again with another value of the annotation"
)

// TestResult is the result of a test message in one channel.
type TestResult struct {
	Account, Address string
	Delivered        bool
	Reason           string
}

// tests holds the tests that annotations requested and whose result is not on the status yet.
//
// A test is announced on the status before it runs, so that it is not repeated by another replica or after a
// restart. A route has one test at a time. If the annotation changes several times during a test, only the
// last value is tested.
type tests struct {
	mu  sync.Mutex
	all map[types.NamespacedName]*test
}

type test struct{ announced, result *v1alpha1.RouteTest }

// requestOf returns the test that a route's annotation requests, empty if none.
func requestOf(route *v1alpha1.TravisRoute) string {
	value := []rune(route.Annotations[v1alpha1.AnnotationTest])
	return string(value[:min(len(value), maxRequest)])
}

// status returns the test to show on the status, and whether it is a new one to begin.
func (t *tests) status(key types.NamespacedName, request string, old *v1alpha1.RouteTest, now time.Time) (status *v1alpha1.RouteTest, begin bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.all[key]
	switch {
	case ok && known.result == nil:
		return known.announced.DeepCopy(), false // a patch decodes the answer into what it is given
	case ok && !equality.Semantic.DeepEqual(known.result, old):
		return known.result.DeepCopy(), false
	}
	delete(t.all, key) // its result is on the status
	if request != "" && (old == nil || old.Request != request) {
		return &v1alpha1.RouteTest{Request: request, Time: metav1.NewTime(now.Truncate(time.Second)), Reason: testUnderWay}, true
	}
	if old != nil && old.Reason == testUnderWay {
		old = old.DeepCopy()
		old.Reason = testInterrupted
	}
	return old, false
}

// begin records that an announced test is running.
func (t *tests) begin(key types.NamespacedName, announced *v1alpha1.RouteTest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[types.NamespacedName]*test{}
	}
	t.all[key] = &test{announced: announced}
}

// end keeps a test's result until it is on the status.
func (t *tests) end(key types.NamespacedName, result *v1alpha1.RouteTest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.all[key]; ok {
		known.result = result
	}
}

func (t *tests) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, key)
}

// sendTest runs an announced test in the background, because a service may be slow.
func (w *StatusWriter) sendTest(ctx context.Context, key types.NamespacedName, announced *v1alpha1.RouteTest) {
	w.tests.begin(key, announced)
	go func() {
		results, err := w.SendTest(ctx, key)
		if ctx.Err() != nil { // the lease is lost: another replica writes status
			w.tests.forget(key)
			return
		}
		w.tests.end(key, testStatus(announced.Request, time.Now(), results, err))
		w.queue.add(subject{kindRoute, key}, 0)
	}()
}

func testStatus(request string, now time.Time, results []TestResult, err error) *v1alpha1.RouteTest {
	s := &v1alpha1.RouteTest{Request: request, Time: metav1.NewTime(now.Truncate(time.Second)), Passed: err == nil}
	if err != nil {
		s.Reason = bounded(err.Error())
	}
	for _, r := range results {
		s.Passed = s.Passed && r.Delivered
		same := func(other v1alpha1.ChannelTest) bool {
			return other.Account == r.Account && other.Address == shortened(r.Address)
		}
		if len(s.Channels) == maxChannels || slices.ContainsFunc(s.Channels, same) {
			continue
		}
		s.Channels = append(s.Channels, v1alpha1.ChannelTest{
			Account: r.Account, Address: shortened(r.Address), Delivered: r.Delivered, Reason: bounded(r.Reason),
		})
	}
	return s
}
