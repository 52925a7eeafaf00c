package controllers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
)

var full = StoreState{Reason: v1alpha1.ReasonStoreFull, Message: "the store is full"}

// TestStoreStateIsReported has the store reject events in the seconds that are drawn with an x, and checks in
// which seconds that is reported.
func TestStoreStateIsReported(t *testing.T) {
	long := func(c byte, n int) string { return string(slices.Repeat([]byte{c}, n)) }
	tests := map[string]struct {
		seconds string
		want    []string
	}{
		"nothing while it accepts events":   {long('.', 100), nil},
		"full, without delay":               {"...x" + long('x', 100), []string{"3 StoreFull"}},
		"available after a quiet time":      {"x." + long('.', 100), []string{"0 StoreFull", "15 StoreAvailable"}},
		"no transition while it flaps":      {"x....x......x.x....x" + long('.', 100), []string{"0 StoreFull", "34 StoreAvailable"}},
		"at most once a minute":             {"x" + long('.', 20) + "x" + long('x', 100), []string{"0 StoreFull", "15 StoreAvailable", "60 StoreFull"}},
		"nothing that ended in that minute": {"x" + long('.', 20) + "x" + long('.', 100), []string{"0 StoreFull", "15 StoreAvailable"}},
		"another reason":                    {"x" + long('x', 70) + "u", []string{"0 StoreFull", "71 StoreUnavailable"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var p pressure
			var reported []string
			begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			for second, c := range test.seconds {
				s := map[rune]StoreState{'x': full, 'u': {Reason: v1alpha1.ReasonStoreUnavailable}}[c]
				if p.observe(s, begin.Add(time.Duration(second)*time.Second)) {
					reported = append(reported, fmt.Sprint(second, " ", storeCondition(p.state()).Reason))
				}
			}
			if diff := cmp.Diff(test.want, reported); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}

// eventRecorder keeps Events as text.
type eventRecorder struct {
	discardEvents
	events []string
}

func (r *eventRecorder) Eventf(regarding, _ runtime.Object, kind, reason, _, note string, args ...any) {
	r.events = append(r.events, fmt.Sprintf("%T %s %s: %s", regarding, kind, reason, fmt.Sprintf(note, args...)))
}

func TestFullStoreIsReportedOnClusterDefaultsAndPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := writerOf(t, 1, func(types.NamespacedName) error { return nil })
		events := &eventRecorder{}
		state := StoreState{}
		w.Recorder, w.Self, w.Lease.Namespace = events, &corev1.Pod{}, "system"
		w.Store = func() StoreState { return state }
		for _, namespace := range []string{"system", "team"} {
			d := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultsName, Generation: 1}}
			w.Compiler.PutDefaults(d)
			if err := w.Client.Create(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		term(t, w)
		said := func(namespace string) string {
			var d v1alpha1.TravisDefaults
			if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: v1alpha1.DefaultsName}, &d); err != nil {
				t.Fatal(err)
			}
			c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionStoreAvailable)
			if c == nil {
				return "nothing"
			}
			return fmt.Sprint(c.Status, " ", c.Reason, ": ", c.Message)
		}
		look := func(after time.Duration, now StoreState, want string) {
			t.Helper()
			time.Sleep(after)
			state = now
			w.checkStore()
			synctest.Wait()
			if got := said("system"); got != want {
				t.Errorf("the condition says %q, want %q", got, want)
			}
		}
		look(0, StoreState{}, "True StoreAvailable: the store accepts events")
		events.events = nil
		look(time.Minute, full, "False StoreFull: the store is full")
		look(recoveredAfter, StoreState{}, "True StoreAvailable: the store accepts events")
		if got := said("team"); got != "nothing" {
			t.Errorf("a team's defaults say %q of the store", got)
		}
		want := []string{
			"*v1.Pod Warning StoreFull: the store is full",
			"*v1alpha1.TravisDefaults Warning StoreFull: the store is full",
			"*v1.Pod Normal StoreAvailable: the store accepts events",
			"*v1alpha1.TravisDefaults Normal StoreAvailable: the store accepts events",
		}
		if diff := cmp.Diff(want, events.events); diff != "" {
			t.Errorf("Events (-want +got):\n%s", diff)
		}
	})
}

// TestAUsedShareIsReported: on the routes of the namespace with an Event, and on the cluster's defaults.
func TestAUsedShareIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := writerOf(t, 1, func(types.NamespacedName) error { return nil })
		events := &eventRecorder{}
		state := StoreState{}
		w.Recorder, w.Self, w.Lease.Namespace = events, &corev1.Pod{}, "system"
		w.Store = func() StoreState { return state }
		term(t, w)
		synctest.Wait()
		routeSays := func() string {
			t.Helper()
			w.checkStore()
			synctest.Wait()
			var r v1alpha1.TravisRoute
			if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "team", Name: "route-0"}, &r); err != nil {
				t.Fatal(err)
			}
			c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionStoreAvailable)
			if c == nil {
				return "nothing"
			}
			return fmt.Sprint(c.Status, " ", c.Reason, ": ", c.Message)
		}
		if got := routeSays(); got != "nothing" {
			t.Errorf("without a problem: %s", got)
		}
		used := func(names ...string) StoreState {
			s := StoreState{Reason: v1alpha1.ReasonShareUsed, Message: "used by " + strings.Join(names, ", "), Refused: map[string]string{}}
			for _, name := range names {
				s.Refused[name] = name + " has used its share"
			}
			return s
		}
		state = used("other")
		if got := routeSays(); got != "nothing" {
			t.Errorf("another namespace's share: %s", got)
		}
		state = used("other", "team")
		if got := routeSays(); got != "False ShareUsed: team has used its share" {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(warnInterval)
		if got := routeSays(); got != "False ShareUsed: team has used its share" || w.pressure.state().Message != "used by other, team" {
			t.Errorf("as long as it is used: %s; %+v", got, w.pressure.state())
		}
		state = StoreState{}
		time.Sleep(warnInterval / 2)
		if got := routeSays(); got != "False ShareUsed: team has used its share" {
			t.Errorf("while it flaps: %s", got)
		}
		time.Sleep(warnInterval / 2)
		if got := routeSays(); got != "nothing" {
			t.Errorf("after its end: %s", got)
		}
		said := slices.DeleteFunc(events.events, func(e string) bool { return !strings.Contains(e, "Share") && !strings.Contains(e, "StoreAvailable") })
		want := []string{
			"*v1.Pod Warning ShareUsed: used by other",
			"*v1alpha1.TravisRoute Warning ShareUsed: team has used its share",
			"*v1.Pod Normal StoreAvailable: the store accepts events",
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("Events (-want +got):\n%s", diff)
		}
	})
}

// TestLossIsReportedOnce: each loss is an Event on the operator's pod, and a condition of the cluster's
// defaults for as long as the store reports it.
func TestLossIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := writerOf(t, 1, func(types.NamespacedName) error { return nil })
		events := &eventRecorder{}
		state := StoreState{}
		w.Recorder, w.Self, w.Lease.Namespace = events, &corev1.Pod{}, "system"
		w.Store = func() StoreState { return state }
		defaults := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: v1alpha1.DefaultsName, Generation: 1}}
		w.Compiler.PutDefaults(defaults)
		if err := w.Client.Create(t.Context(), defaults); err != nil {
			t.Fatal(err)
		}
		term(t, w)
		for _, step := range []struct {
			lost []string
			want string
		}{
			{nil, "True StoreIntact: all that the store accepted can be read"},
			{[]string{"3 events lost"}, "False EventsLost: 3 events lost"},
			{[]string{"3 events lost"}, "False EventsLost: 3 events lost"},
			{[]string{"3 events lost", "one more"}, "False EventsLost: 3 events lost\none more"},
			{nil, "True StoreIntact: all that the store accepted can be read"},
		} {
			time.Sleep(time.Minute)
			state.Lost = step.lost
			w.checkStore()
			synctest.Wait()
			var d v1alpha1.TravisDefaults
			if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "system", Name: v1alpha1.DefaultsName}, &d); err != nil {
				t.Fatal(err)
			}
			c := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionStoreIntact)
			if c == nil || fmt.Sprint(c.Status, " ", c.Reason, ": ", c.Message) != step.want {
				t.Errorf("with %q lost, the condition is %+v, want %q", step.lost, c, step.want)
			}
		}
		lost := slices.DeleteFunc(events.events, func(e string) bool { return !strings.Contains(e, v1alpha1.ReasonEventsLost) })
		want := []string{"*v1.Pod Warning EventsLost: 3 events lost", "*v1.Pod Warning EventsLost: one more"}
		if diff := cmp.Diff(want, lost); diff != "" {
			t.Errorf("Events (-want +got):\n%s", diff)
		}
	})
}
