package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/server"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/deliveryapi/why"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

const (
	system = "travishook-system"
	team   = "team-a"
	slug   = "example/example"
	token  = "a token that only Travis and the team know"
)

// testOperator is an operator without a cluster: receiver, routing table, store and API.
type testOperator struct {
	*testing.T
	compiler *routing.Compiler
	store    *engine.Engine
	trail    *trail.Trail
	keeper   *trail.Keeper
	replicas trail.Replicas // nil for a single one
	receiver http.Handler
	api      http.Handler
	cluster  *cluster
	notReady error   // of the receiver
	refuses  error   // of the store
	usage    float64 // share of the store; 0 is the real one
	losses   []queue.Loss
	starting error                                            // of the routing table
	try      func(queue.Target, travis.Event) (string, error) // nil: delivered

	mu  sync.Mutex
	log strings.Builder
}

func newOperator(t *testing.T) *testOperator {
	t.Helper()
	r := &testOperator{T: t, cluster: &cluster{rights: map[string]bool{"ann get  ": true, "ann update  ": true}}}
	r.compiler = routing.NewCompiler(routing.Config{OperatorNamespace: system, Services: map[string]notify.Service{"webhook": chat()}})
	var err error
	r.store, err = embedded.OpenStore(t.Context(), t.TempDir(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.store.OnEnd(func(s queue.Summary) { r.trail.Ended(s) })
	r.receiver = receiver.NewHandler(receiver.Options{
		Settings: receiver.Settings{PathPrefix: "/travis", MaxAge: 24 * time.Hour},
		Lookup:   r.lookup,
		Keys: func() *verify.Keyring {
			return verify.NewKeyring(verify.Key{Name: "travis", Public: &travistest.Key().PublicKey})
		},
		Ready: func() error { return r.notReady },
		Store: r.store, Values: r.store, Identity: identity.NewResolver(identity.Options{}), Observer: r, Now: time.Now, Log: logr.Discard(),
	})
	r.restart()
	return r
}

// restart starts with an empty memory, and loads what was stored.
func (r *testOperator) restart() {
	t := trail.New(time.Now(), r.declared)
	k := trail.NewKeeper(t, r.store, time.Now, logr.Discard())
	k.Load()
	r.use(t, k)
}

func (r *testOperator) declared(slug string) bool { _, ok := r.lookup(slug); return ok }

// use makes the API that answers from a trail.
func (r *testOperator) use(t *trail.Trail, k *trail.Keeper) {
	r.trail, r.keeper = t, k
	replicas := r.replicas
	if replicas == nil {
		single := &replica.Single{}
		t.Handle(single.Handle)
		replicas = single
	}
	r.api = server.New(server.Options{
		Cluster: r.cluster,
		Sources: why.Sources{Table: r.compiler.Table, Verdict: r.compiler.Verdict, Trail: trail.Everywhere{Keeper: k, Replicas: replicas}, Deliveries: r.store.Deliveries, Store: func() error { return r.refuses },
			Usage: func(namespace string) queue.Usage {
				if r.usage > 0 {
					return queue.Usage{Deliveries: 7, Share: r.usage, Full: r.usage >= 1}
				}
				return r.store.Usage(namespace)
			},
			Losses: func() []queue.Loss { return r.losses },
		},
		Redrive:  r.store.Redrive,
		SendTest: r.sendTest,
		Ready:    func() error { return r.starting },
		Version:  "v1.2.3",
		Clock:    clock.RealClock{},
		Log: funcr.New(func(prefix, args string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.log.WriteString(prefix + args + "\n")
		}, funcr.Options{Verbosity: 9}),
	}).Handler
}

func (r *testOperator) sendTest(_ context.Context, route *routing.Route) (results []record.TestResult, err error) {
	for _, t := range route.Targets {
		result := record.TestResult{Target: t}
		if r.try != nil {
			if result.Note, err = r.try(t, travis.TestEvent(route.Repository, time.Now())); err != nil {
				result.Failure = err.Error()
			}
		}
		results = append(results, result)
	}
	return results, nil
}

func (r *testOperator) lookup(slug string) (*routing.Repository, bool) {
	return r.compiler.Table().Repository(slug)
}

func (r *testOperator) Report(j receiver.Report)          { r.trail.Report(j) }
func (*testOperator) Answered(int, string, time.Duration) {}
func (*testOperator) Noticed(_, _, _, _ string)           {}

// chat is a service on which every address is valid.
func chat() notify.Service {
	return notify.Service{
		Name: "webhook", SecretOptional: true,
		Check:   func(json.RawMessage, notify.Credential) error { return nil },
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) { return address, nil },
	}
}

// account creates the cluster-wide account chat, with repositories granted by signatureOnly.
func (r *testOperator) account(granted ...v1alpha1.RepositoryGlob) {
	d := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: v1alpha1.DefaultsName}}
	d.Spec.Accounts = []v1alpha1.Account{{Name: "chat", Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}}}}
	if len(granted) > 0 {
		d.Spec.SignatureOnly = &v1alpha1.SignatureOnly{Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: granted}
	}
	r.compiler.PutDefaults(d)
	r.compiler.PutSecret(routing.Secret{Namespace: system, Name: "chat", Type: v1alpha1.SecretTypeCredential, Data: map[string]secret.Value{"url": secret.New("https://rooms.example.com")}})
}

// secret creates the repository's token in a namespace.
func (r *testOperator) secret(namespace, token string) {
	r.compiler.PutSecret(routing.Secret{
		Namespace: namespace, Name: "token", Type: v1alpha1.SecretTypeToken,
		Data: map[string]secret.Value{"repository": secret.New(slug), "token": secret.New(token)},
	})
}

// route creates a route to the channel #builds of the account chat, for every event.
func (r *testOperator) route(namespace, name string, change ...func(*v1alpha1.TravisRouteSpec)) {
	route := &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "uid"},
		Spec: v1alpha1.TravisRouteSpec{
			Repository: slug, Events: []v1alpha1.EventName{"*"},
			Channels: []v1alpha1.Channel{{Account: "chat", Address: "#builds"}},
		},
	}
	for _, c := range change {
		c(&route.Spec)
	}
	r.compiler.PutRoute(route)
}

// setUp creates the account, and a token and a route of the team.
func (r *testOperator) setUp(change ...func(*v1alpha1.TravisRouteSpec)) {
	r.account()
	r.secret(team, token)
	r.route(team, "builds", change...)
}

// post sends a webhook as Travis does, after changes, and returns the status code.
func (r *testOperator) post(b travistest.Build, change ...func(*http.Request)) int {
	request := travistest.Request(r.Context(), "http://hooks.example.com/travis/"+verify.Proof(slug, secret.New(token)), b, travistest.Key())
	for _, c := range change {
		c(request)
	}
	w := httptest.NewRecorder()
	r.receiver.ServeHTTP(w, request)
	return w.Code
}

// attempt takes a delivery of a channel that works, and settles it.
func (r *testOperator) attempt(o queue.Outcome) { r.Helper(); r.settle(queue.Healthy, o) }

// retry is an attempt in a channel whose last attempt failed.
func (r *testOperator) retry(o queue.Outcome) { r.Helper(); r.settle(queue.Probation, o) }

func (r *testOperator) settle(lane queue.Lane, o queue.Outcome) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	d, err := r.store.Take(ctx, lane)
	if err != nil {
		r.Fatal(err)
	}
	o.At = time.Now()
	if err := r.store.Settle(ctx, d.ID, o); err != nil {
		r.Fatal(err)
	}
	r.trail.Attempted(record.Attempt{Delivery: d, Outcome: o, Took: 3 * time.Millisecond})
}

// ask sends a request and decodes the response.
func (r *testOperator) ask(token, method, target string, question, answer any) int {
	r.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		r.Fatal(err)
	}
	request := httptest.NewRequestWithContext(r.Context(), method, target, bytes.NewReader(body))
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, request)
	if passes := w.Code == http.StatusTooManyRequests || w.Code == http.StatusServiceUnavailable; passes != (w.Header().Get("Retry-After") != "") {
		r.Errorf("%d has Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		r.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return w.Code
}

// refused sends a request that fails, and returns the status code and the error.
func (r *testOperator) refused(token, method, target string, question any) (int, string) {
	r.Helper()
	var e deliveryapi.Error
	code := r.ask(token, method, target, question, &e)
	return code, e.Message
}

// why asks as ann, who may read everything.
func (r *testOperator) why(query string) deliveryapi.Why {
	r.Helper()
	var answer deliveryapi.Why
	if code := r.ask("ann", http.MethodGet, deliveryapi.PathWhy+"?"+query, nil, &answer); code != http.StatusOK {
		r.Fatalf("status code %d", code)
	}
	return answer
}

// cluster has tokens that are the names of their users.
type cluster struct {
	mu     sync.Mutex
	rights map[string]bool // "who verb namespace route"
	asked  int
	away   error
}

func (c *cluster) Authenticate(_ context.Context, token string) (authenticationv1.UserInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case c.away != nil:
		return authenticationv1.UserInfo{}, c.away
	case strings.HasPrefix(token, "stranger"):
		return authenticationv1.UserInfo{}, server.ErrUnauthenticated
	}
	return authenticationv1.UserInfo{Username: token}, nil
}

func (c *cluster) Authorize(_ context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.away != nil {
		return false, c.away
	}
	return c.rights[strings.Join([]string{user.Username, verb, namespace, route}, " ")], nil
}

func (c *cluster) questions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}
