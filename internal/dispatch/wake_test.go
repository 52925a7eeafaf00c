package dispatch

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// TestWhatWasDeletedWhileTheOperatorWasDownIsDroppedAtItsStart: what waits for a retry, and dead letters
// that nobody would attempt.
func TestWhatWasDeletedWhileTheOperatorWasDownIsDroppedAtItsStart(t *testing.T) {
	store := openStore(t)
	deleted := target("#a")
	deleted.Route, deleted.RouteUID = "deleted", "another"
	for i, outcome := range []queue.Outcome{
		{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Reason: "the service is down"},
		{Kind: queue.Dead, Reason: "refused"},
	} {
		deleted.Channel = []string{"one", "another"}[i]
		attempt(t, store, int64(i+1), deleted, outcome)
	}
	attempt(t, store, 3, target("#a"), queue.Outcome{Kind: queue.Retry, Due: time.Now().Add(time.Hour), Reason: "the service is down"})

	services := map[string]notify.Service{"webhook": webhook.Service}
	w := fixture{routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: services})}
	w.putRoute(nil, "#a")
	ended := make(chan queue.Summary, 10)
	store.OnEnd(func(s queue.Summary) { ended <- s })
	d := runDispatcher(t, Config{
		Queue: store, Resolver: NewTableResolver(w.Table), Pool: NewPool(PoolConfig{Services: services, Log: logr.Discard()}),
		Record: &fakeRecorder{},
	})
	d.TableChanged(w.Table())
	for range 2 {
		if s := <-ended; s.Target.Route != "deleted" || s.Last.Kind != queue.Dropped || s.Last.Reason != ErrRouteDeleted.Error() {
			t.Errorf("dropped %+v", s)
		}
	}
	if kept := store.Deliveries(queue.Query{}); len(kept) != 1 || kept[0].Target.Route != "r" {
		t.Errorf("still kept: %+v", kept)
	}
}

// attempt stores an event for a target, and the outcome of its first attempt.
func attempt(t *testing.T, store *engine.Engine, build int64, to queue.Target, o queue.Outcome) {
	t.Helper()
	_, err := store.Accept(t.Context(), queue.Acceptance{
		Event: travis.Event{
			Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
			Build:      travis.Build{ID: build, Number: "123", Result: travis.Passed, State: "passed", Started: time.Now()},
		},
		Offers: []queue.Offer{{Namespace: to.Namespace, Targets: []queue.Target{to}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := store.Take(t.Context(), queue.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	o.At = time.Now()
	if err := store.Settle(t.Context(), d.ID, o); err != nil {
		t.Fatal(err)
	}
}

func TestDeletions(t *testing.T) {
	with := newFixture((&fakeService{}).service(), "#a")
	for name, change := range map[string]func(fixture){
		"channel removed": func(f fixture) { f.putRoute(nil, "#b") },
		"route deleted":   func(f fixture) { f.DeleteRoute(types.NamespacedName{Namespace: "team", Name: "r"}) },
	} {
		without := newFixture((&fakeService{}).service(), "#a")
		change(without)
		now := time.Now()
		alone := deletions{resolver: NewTableResolver(without.Table)}
		if !alone.since(nil, now)(target("#a")) {
			t.Errorf("%s while the operator was down: its deliveries stay", name)
		}
		if !alone.since(without.Table(), now)(target("#a")) {
			t.Errorf("%s between two tables that this replica took up: its deliveries stay", name)
		}
		shared := deletions{resolver: NewTableResolver(without.Table), shared: true}
		if !shared.since(with.Table(), now)(target("#a")) {
			t.Errorf("%s: its deliveries stay", name)
		}
		if shared.since(without.Table(), now)(target("#a")) || shared.since(without.Table(), now.Add(tableLag-1))(target("#a")) {
			t.Errorf("%s: another replica may know a newer table", name)
		}
		if shared.recheck() == nil {
			t.Errorf("%s: never looked at again", name)
		}
		if !shared.since(without.Table(), now.Add(tableLag))(target("#a")) {
			t.Errorf("%s long ago: its deliveries stay", name)
		}
	}
	kept := deletions{resolver: NewTableResolver(with.Table)}
	if kept.since(nil, time.Now())(target("#a")) {
		t.Error("dropped what is there")
	}
	with.DeleteSecret(credential)
	if kept.since(nil, time.Now())(target("#a")) {
		t.Error("dropped what waits for its credential")
	}
}
