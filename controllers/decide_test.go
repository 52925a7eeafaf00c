package controllers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func eventSet(t *testing.T, names ...v1alpha1.EventName) routing.EventSet {
	t.Helper()
	set, err := routing.ParseEvents(names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// condition is how a condition reads in kubectl get.
func condition(s v1alpha1.TravisRouteStatus, kind string) string {
	c := meta.FindStatusCondition(s.Conditions, kind)
	if c == nil {
		return "absent"
	}
	return string(c.Status) + " " + c.Reason + ": " + c.Message
}

func TestARouteThatIsFineSaysWhatItRelays(t *testing.T) {
	v := routing.Verdict{Generation: 3, Events: eventSet(t, "passed", "fixed")}
	s := routeStatus(v1alpha1.TravisRouteStatus{}, "example/example", v, nil)
	if got, want := condition(s, "Ready"), "True Ready: announces passed,fixed of example/example"; got != want {
		t.Errorf("Ready is %q, want %q", got, want)
	}
	if s.EventSummary != "passed,fixed" || len(s.Events) != 2 || s.ObservedGeneration != 3 {
		t.Errorf("status is %+v", s)
	}
	if got := condition(s, "Delivering"); got != "absent" {
		t.Errorf("before the first message, Delivering is %q", got)
	}
}

func TestReadySaysTheWorstFirst(t *testing.T) {
	problem := func(reason, message string) []routing.Problem {
		return []routing.Problem{{Reason: reason, Message: message}}
	}
	for name, c := range map[string]struct {
		verdict                   routing.Verdict
		ready, accepted, resolved string
	}{
		"invalid": {
			routing.Verdict{Invalid: problem("Invalid", "no"), Unresolved: problem("TokenNotFound", "none")},
			"False Invalid: (1) no; (2) none", "False Invalid: no", "False TokenNotFound: none",
		},
		"unresolved": {
			routing.Verdict{Unresolved: problem("TokenNotFound", "none")},
			"False TokenNotFound: none", "True Accepted: the spec is valid", "False TokenNotFound: none",
		},
		"a fault with a remedy": {
			routing.Verdict{Faults: problem("MessageInvalid", "line 1")},
			"False MessageInvalid: line 1", "True MessageInvalid: line 1", "True Resolved: all references resolved",
		},
		"suspended": {
			routing.Verdict{Suspended: true},
			"True Suspended: suspended: nothing is sent until spec.suspend is removed",
			"True Accepted: the spec is valid", "True Resolved: all references resolved",
		},
		"suspended and wrong": {
			routing.Verdict{Suspended: true, Invalid: problem("Invalid", "no")},
			"False Invalid: no", "False Invalid: no", "True Resolved: all references resolved",
		},
		"a warning": {
			routing.Verdict{Warnings: []string{"mind the gap"}},
			"True Ready: announces  of a/b; note: mind the gap",
			"True Accepted: the spec is valid", "True Resolved: all references resolved",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", c.verdict, nil)
			for kind, want := range map[string]string{"Ready": c.ready, "Accepted": c.accepted, "ResolvedRefs": c.resolved} {
				if got := condition(s, kind); got != want {
					t.Errorf("%s is %q, want %q", kind, got, want)
				}
			}
		})
	}
}

func TestDeliveringDoesNotFlap(t *testing.T) {
	good := LastAttempt{At: at(1), Build: "1", Event: "passed"}
	bad := LastAttempt{At: at(2), Build: "2", Event: "broken", Reason: "no such room"}
	for name, c := range map[string]struct {
		channels []ChannelState
		want     string
	}{
		"a success":            {[]ChannelState{{Address: "a", Delivered: good}}, "True Delivered: messages are delivered"},
		"one failure":          {[]ChannelState{{Address: "a", Delivered: good, Failure: bad, Failures: 1}}, "True Delivered: messages are delivered"},
		"repeated failure":     {[]ChannelState{{Address: "a", Delivered: good, Failure: bad, Failures: 3}}, "False Failing: a: no such room"},
		"a dead letter":        {[]ChannelState{{Address: "a", Failure: bad, Failures: 1, Dead: 1}}, "False Failing: a: no such room"},
		"recovered since":      {[]ChannelState{{Address: "a", Delivered: LastAttempt{At: at(3)}, Failure: bad, Dead: 1}}, "True Delivered: messages are delivered"},
		"one of two":           {[]ChannelState{{Address: "a", Delivered: good}, {Account: "b", Failure: bad, Failures: 9}}, "False Failing: account b: no such room"},
		"failing from day one": {[]ChannelState{{Address: "a", Failure: bad, Failures: 1}}, "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", routing.Verdict{}, c.channels)
			if got := condition(s, "Delivering"); got != c.want {
				t.Errorf("Delivering is %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheLastBuildIsTheOneDeliveredLast(t *testing.T) {
	s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", routing.Verdict{}, []ChannelState{
		{Address: "a", Delivered: LastAttempt{At: at(5), Build: "7", Event: "fixed"}},
		{Address: "b", Delivered: LastAttempt{At: at(4), Build: "6", Event: "broken"}, Failure: LastAttempt{At: at(9), Build: "9", Event: "passed", Reason: "x"}},
	})
	if s.LastBuild != "#7 fixed" {
		t.Errorf("last build is %q", s.LastBuild)
	}
	if got := s.Channels[1].LastFailure; got == nil || got.Build != "9" || got.Reason != "x" {
		t.Errorf("last failure of b is %+v", got)
	}
}

func TestAConditionThatStaysKeepsItsTime(t *testing.T) {
	v := routing.Verdict{Generation: 1, Events: eventSet(t, "*")}
	first := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", v, nil)
	first.Conditions[0].LastTransitionTime = metav1.NewTime(noon)
	second := routeStatus(first, "a/b", v, nil)
	if got := second.Conditions[0].LastTransitionTime; !got.Equal(&metav1.Time{Time: noon}) {
		t.Errorf("the time of the last transition moved to %s", got)
	}
	if second.EventSummary != "*" {
		t.Errorf("all events read %q", second.EventSummary)
	}
}

func TestALongMessageIsCut(t *testing.T) {
	v := routing.Verdict{Invalid: []routing.Problem{{Reason: "Invalid", Message: strings.Repeat("ä", 5000)}}}
	s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", v, nil)
	c := meta.FindStatusCondition(s.Conditions, "Ready")
	if n := len([]rune(c.Message)); n != maxMessage {
		t.Errorf("message has %d characters", n)
	}
}

func TestANoticeIsOnePerReasonAndEnds(t *testing.T) {
	var n observations
	key := subject{}.key
	if !n.notice(key, "r", "one", noon) || n.notice(key, "r", "one", at(1)) || !n.notice(key, "r", "two", at(2)) {
		t.Error("a notice is new exactly if it says something else")
	}
	if got, again := n.notices(key, at(3)); len(got) != 1 || got[0] != "two" || again <= 0 {
		t.Errorf("notices are %v, look again after %s", got, again)
	}
	if got, again := n.notices(key, noon.Add(25*time.Hour)); len(got) != 0 || again != 0 {
		t.Errorf("a day later they are %v, look again after %s", got, again)
	}
}

func TestARemovedChannelDoesNotCount(t *testing.T) {
	misspelt := ChannelState{Account: "x", Address: "rom@example.com", Failures: 1, Dead: 1, Failure: LastAttempt{At: at(1), Build: "1", Reason: "no such room"}}
	before := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", routing.Verdict{}, []ChannelState{misspelt})
	if got := condition(before, "Delivering"); !strings.HasPrefix(got, "False") {
		t.Fatalf("Delivering is %q", got)
	}

	misspelt.Removed = true
	fixed := routeStatus(before, "a/b", routing.Verdict{}, []ChannelState{misspelt})
	if got := condition(fixed, "Delivering"); got != "absent" {
		t.Errorf("before the first message to the right room, Delivering is %q", got)
	}
	if len(fixed.Channels) != 1 || fixed.Channels[0].Dead != 1 {
		t.Errorf("the dead letter is not to be seen: %+v", fixed.Channels)
	}

	misspelt.Dead = 0
	right := ChannelState{Account: "x", Address: "room@example.com", Delivered: LastAttempt{At: at(2), Build: "2"}}
	arrived := routeStatus(fixed, "a/b", routing.Verdict{}, []ChannelState{misspelt, right})
	if got, want := condition(arrived, "Delivering"), "True Delivered: messages are delivered"; got != want {
		t.Errorf("Delivering is %q, want %q", got, want)
	}
	if len(arrived.Channels) != 1 || arrived.Channels[0].Address != "room@example.com" {
		t.Errorf("channels are %+v, want the right one alone", arrived.Channels)
	}
}

// A status that the schema refuses would never be written again.
func TestAStatusStaysWithinTheSchema(t *testing.T) {
	long := strings.Repeat("ß", 2000)
	var channels []ChannelState
	for i := range 40 { // of an account that all channels left, and those of the one that they use now
		m := LastAttempt{At: at(1), Build: long, Event: "passed", Reason: long}
		channels = append(channels, ChannelState{Account: "x", Address: fmt.Sprint(long, i), Dead: 1, Delivered: m, Failure: m, Removed: i < 20})
	}
	s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/b", routing.Verdict{}, channels)
	if len(s.Channels) != 32 {
		t.Errorf("there are %d channels, and 32 may be", len(s.Channels))
	}
	addresses := map[string]bool{}
	for _, c := range s.Channels {
		addresses[c.Address] = true
	}
	if len(addresses) != len(s.Channels) {
		t.Errorf("%d channels have %d addresses; the address is a key", len(s.Channels), len(addresses))
	}
	for name, c := range map[string]struct {
		text string
		most int
	}{
		"address":   {s.Channels[0].Address, 255},
		"build":     {s.Channels[0].LastDelivered.Build, 64},
		"reason":    {s.Channels[0].LastFailure.Reason, 1024},
		"lastBuild": {s.LastBuild, 128},
	} {
		if n := len([]rune(c.text)); n > c.most {
			t.Errorf("%s has %d characters, and %d may be", name, n, c.most)
		}
	}
}
