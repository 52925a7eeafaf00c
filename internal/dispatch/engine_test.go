package dispatch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/webhook"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// TestWithTheRealStoreAndService follows an event from its acceptance to an HTTP server, which refuses the
// URL's credential until the Secret is fixed.
func TestWithTheRealStoreAndService(t *testing.T) {
	type arrival struct {
		Path string
		ID   string
	}
	arrived := make(chan arrival, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		arrived <- arrival{r.URL.Path, r.Header.Get("webhook-id")}
	}))
	t.Cleanup(server.Close)

	engine := openStore(t)
	services := map[string]notify.Service{"webhook": webhook.Service}
	w := fixture{routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: services})}
	w.putAccount("team", nil)
	w.putRoute(nil, "builds")
	putURL := func(url string) {
		w.PutSecret(routing.Secret{
			Namespace: credential.Namespace, Name: credential.Name, Type: v1alpha1.SecretTypeCredential,
			Data: map[string]secret.Value{"builds": secret.New(url)},
		})
	}
	putURL(server.URL + "/old")

	recorder := &signalRecorder{outcomes: make(chan queue.Outcome, 10)}
	client := notify.NewClient(notify.Options{})
	t.Cleanup(client.CloseIdleConnections)
	d := runDispatcher(t, Config{
		Queue:    engine,
		Resolver: NewTableResolver(w.Table),
		Pool:     NewPool(PoolConfig{Services: services, Guarded: notify.Deps{HTTP: client}, Log: logr.Discard()}),
		Record:   recorder,
	})

	route, _ := w.Table().Route("team", "r")
	event := travis.Event{
		Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
		Build:      travis.Build{ID: 2, Number: "123", Result: travis.Passed, State: "passed", Type: travis.Push, Branch: "main"},
	}
	receipt, err := engine.Accept(t.Context(), queue.Acceptance{
		Event: event, Received: time.Now(), Offers: []queue.Offer{{Namespace: "team", Targets: route.Targets}},
	})
	if err != nil || len(receipt.Stored) != 1 {
		t.Fatalf("%+v, %v", receipt, err)
	}

	first := <-arrived
	if o := <-recorder.outcomes; first.Path != "/old" || o.Kind != queue.Dead || !o.Credential {
		t.Fatalf("%+v came to %+v", first, o)
	}

	putURL(server.URL + "/new")
	d.TableChanged(w.Table())
	second := <-arrived
	if o := <-recorder.outcomes; o.Kind != queue.Delivered {
		t.Errorf("after the fix: %+v", o)
	}
	if diff := cmp.Diff(arrival{"/new", first.ID}, second); diff != "" {
		t.Error(diff)
	}
	if kept := engine.Deliveries(queue.Query{}); len(kept) != 0 {
		t.Errorf("still kept: %+v", kept)
	}
}

// signalRecorder sends outcomes to a channel.
type signalRecorder struct {
	fakeRecorder
	outcomes chan queue.Outcome
}

func (r *signalRecorder) Attempted(a record.Attempt) { r.outcomes <- a.Outcome }

// openStore opens an embedded store that is closed when the test ends.
func openStore(t *testing.T) *engine.Engine {
	t.Helper()
	store, err := embedded.OpenStore(t.Context(), t.TempDir(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return store
}

// runDispatcher runs a Dispatcher until the test ends.
func runDispatcher(t *testing.T, c Config) *Dispatcher {
	t.Helper()
	c.Log, c.RetryLimit = logr.Discard(), retryLimit
	d := New(c)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}
