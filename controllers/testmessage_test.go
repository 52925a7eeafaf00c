package controllers

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

// TestATestIsMadeOnce follows a route's test through the status: a test begins only after the status
// announces it, so that neither a second write, another replica, nor a restart repeats it.
func TestATestIsMadeOnce(t *testing.T) {
	key, now := types.NamespacedName{Namespace: "team", Name: "r"}, time.Now()
	var w tests
	announced, begin := w.status(key, "one", nil, now)
	if !begin || announced.Request != "one" || announced.Passed || announced.Reason != testUnderWay {
		t.Fatalf("announced %+v, to be made: %t", announced, begin)
	}
	if _, begin := w.status(key, "one", nil, now); !begin {
		t.Error("a test whose announcement was not written is not made")
	}
	w.begin(key, announced)
	for _, request := range []string{"one", "two"} { // with a status that is out of date
		if got, begin := w.status(key, request, nil, now); begin || !reflect.DeepEqual(got, announced) {
			t.Errorf("while it is under way, %q gives %+v, to be made: %t", request, got, begin)
		}
	}
	shown, _ := w.status(key, "one", nil, now)
	shown.Reason = "as the API server answers" // a patch decodes its answer into the status, beside the test
	if announced.Reason != testUnderWay {
		t.Error("what is on the status is also used by the test")
	}
	result := testStatus("one", now, []TestResult{{Address: "#a", Delivered: true}}, nil)
	w.end(key, result)
	if got, begin := w.status(key, "two", announced, now); begin || !reflect.DeepEqual(got, result) {
		t.Errorf("the result comes first: %+v, to be made: %t", got, begin)
	}
	if got, begin := w.status(key, "one", result, now); begin || !reflect.DeepEqual(got, result) {
		t.Errorf("the result is written: %+v, to be made: %t", got, begin)
	}
	if got, begin := w.status(key, "two", result, now); !begin || got.Request != "two" {
		t.Errorf("the next request: %+v, to be made: %t", got, begin)
	}
}

func TestAnInterruptedTestIsNotMadeAgain(t *testing.T) {
	var w tests // of the replica that writes status after the one that announced the test
	announced := &v1alpha1.RouteTest{Request: "one", Reason: testUnderWay}
	got, begin := w.status(types.NamespacedName{Name: "r"}, "one", announced, time.Now())
	if begin || got.Reason != testInterrupted || got.Request != "one" {
		t.Errorf("got %+v, to be made: %t", got, begin)
	}
}

func TestATestPassesIfEachChannelGotItsMessage(t *testing.T) {
	good, bad := TestResult{Account: "chat", Address: "#a", Delivered: true}, TestResult{Account: "chat", Address: "#b", Reason: "no such channel"}
	many := make([]TestResult, maxChannels+1)
	for i := range many {
		many[i] = TestResult{Account: "chat", Address: fmt.Sprint("#", i), Delivered: i < maxChannels}
	}
	for name, test := range map[string]struct {
		results  []TestResult
		err      error
		passed   bool
		reason   string
		channels int
	}{
		"all":                         {[]TestResult{good}, nil, true, "", 1},
		"all but one":                 {[]TestResult{good, bad}, nil, false, "", 2},
		"one of two with one address": {[]TestResult{good, good}, nil, true, "", 1},
		"none":                        {nil, errors.New("too soon"), false, "too soon", 0},
		"one that is not shown":       {many, nil, false, "", maxChannels},
	} {
		got := testStatus("one", time.Now(), test.results, test.err)
		if got.Passed != test.passed || got.Reason != test.reason || len(got.Channels) != test.channels {
			t.Errorf("%s: the test passed: %t, because of %q, with %d channels; want %t, %q, %d",
				name, got.Passed, got.Reason, len(got.Channels), test.passed, test.reason, test.channels)
		}
	}
}
