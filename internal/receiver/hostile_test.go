package receiver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// wideRoutes declares many routes, each with as many channels as the API allows, with the addresses that
// are longest as JSON.
func (r *fixture) wideRoutes(namespace, repository string, routes int) {
	for i := range routes {
		route := r.route(namespace, repository, "*")
		route.Name = fmt.Sprintf("wide-%d", i)
		route.Spec.Channels = nil
		for j := range 32 {
			route.Spec.Channels = append(route.Spec.Channels, v1alpha1.Channel{
				Account: "missing", Address: fmt.Sprintf("%02d%03d", i, j) + strings.Repeat("<", 250),
			})
		}
		r.compiler.PutRoute(route)
	}
}

// TestHostileNamespacesDoNotStopAnEventOfAnHonestOne has three namespaces with routes for the same
// repository as an honest one, with the real store.
func TestHostileNamespacesDoNotStopAnEventOfAnHonestOne(t *testing.T) {
	store, err := embedded.OpenStore(t.Context(), t.TempDir(), engine.Options{MaxBytes: 64 << 20, Logger: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	r := newFixture(t)
	r.options.Store, r.options.Values = store, store
	r.grant("open/*")
	r.route("honest", "open/open", "*")
	r.wideRoutes("a-wide", "open/open", 60)
	r.wideRoutes("b-wide", "open/open", 60)
	spoiler := r.route("c-spoiler", "open/open", "*")
	spoiler.Spec.RepositoryID = 666 // another repository's
	r.compiler.PutRoute(spoiler)

	for i := range 10 {
		if r.send(webhook(travistest.Build{Repository: "open/open", ID: int64(i + 1)}, travistest.Key())); r.last() != "202 stored" {
			t.Fatalf("event %d: %s\n%s", i, r.last(), r.logged())
		}
	}
	waiting := map[string]int{}
	for _, d := range store.Deliveries(queue.Query{}) {
		waiting[d.Target.Namespace]++
	}
	want := map[string]int{"honest": 10, "a-wide": 10 * receiver.MaxTargets, "b-wide": 10 * receiver.MaxTargets}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Errorf("stored for: %s", diff)
	}
	notices := map[string]int{}
	for _, notice := range r.noticed {
		notices[notice]++
	}
	wantNotices := map[string]int{
		"a-wide open/open too_many_channels": 10, "b-wide open/open too_many_channels": 10, "c-spoiler open/open other_repository": 10,
		"honest open/open repository_id": 1, "a-wide open/open repository_id": 1, "b-wide open/open repository_id": 1,
	}
	if diff := cmp.Diff(wantNotices, notices); diff != "" {
		t.Errorf("noticed: %s", diff)
	}
	if got := strings.Join(r.messages, "\n"); !strings.Contains(got, "matches 1921 channels in the namespace, and the limit for an event is 512: the other 1409 get no message") {
		t.Errorf("the notices are %q", got)
	}
}

// refusing is a store that answers with a receipt.
type refusing struct{ receipt queue.Receipt }

func (s refusing) Accept(context.Context, queue.Acceptance) (queue.Receipt, error) {
	return s.receipt, nil
}

func TestEachNamespaceLearnsWhyItsEventWasNotStored(t *testing.T) {
	full := map[string]error{"team-b": fmt.Errorf("accept: %w", queue.ErrShare), "team-c": queue.ErrTooLarge}
	all := map[string]error{"team-a": queue.ErrFull, "team-b": queue.ErrShare, "team-c": queue.ErrTooLarge}
	b, c := "team-b open/open store_share", "team-c open/open event_too_large"
	tests := map[string]struct {
		receipt queue.Receipt
		want    string
		noticed []string
	}{
		"stored for one":      {queue.Receipt{Stored: []string{"team-a"}, Refused: full}, "202 stored", []string{b, c}},
		"seen by one":         {queue.Receipt{Seen: []string{"team-a"}, Refused: full}, "204 seen", []string{b, c}},
		"stored for none":     {queue.Receipt{Refused: all}, "503 store_full", []string{"team-a open/open store_full", b, c}},
		"beyond its share":    {queue.Receipt{Refused: map[string]error{"team-b": queue.ErrShare}}, "503 store_share", []string{b}},
		"stored for everyone": {queue.Receipt{Stored: []string{"team-a", "team-b", "team-c"}}, "202 stored", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t)
			for _, namespace := range []string{"team-a", "team-b", "team-c"} {
				r.route(namespace, "open/open", "*")
			}
			r.grant("open/*")
			r.options.Store = refusing{test.receipt}
			if r.send(webhook(travistest.Build{Repository: "open/open", Number: "92"}, travistest.Key())); r.last() != test.want {
				t.Errorf("answer is %s, want %s", r.last(), test.want)
			}
			if diff := cmp.Diff(test.noticed, r.noticed[3:], cmpopts.EquateEmpty()); diff != "" { // after the notices about the ids
				t.Errorf("noticed: %s", diff)
			}
			for _, message := range r.messages[len(r.messages)-len(test.noticed):] {
				if !strings.HasPrefix(message, "build 92 is lost: ") {
					t.Errorf("the notice is %q", message)
				}
			}
			for namespace := range test.receipt.Refused {
				if !strings.Contains(r.logged(), namespace) {
					t.Errorf("the log does not name %s: %s", namespace, r.logged())
				}
			}
		})
	}
}

func TestWithoutAnAgeLimitAnyEventIsNews(t *testing.T) {
	r := newPopulatedFixture(t)
	r.options.Settings.MaxAge = 0
	for i, b := range []travistest.Build{
		{Finished: now.Add(-10 * 365 * 24 * time.Hour)}, {Fields: map[string]any{"started_at": nil, "finished_at": "never"}},
	} {
		b.Repository, b.ID = "open/open", int64(i+1)
		if r.send(webhook(b, travistest.Key())); r.last() != "202 stored" {
			t.Errorf("event %d: %s", i, r.last())
		}
	}
}
