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
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/embedded"
	"github.com/travishook/travishook/internal/queue/engine"
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

// rig is an operator without a cluster: a real receiver, table and store, and the API in front.
type rig struct {
	*testing.T
	compiler *routing.Compiler
	store    *engine.Engine
	trail    *trail.Trail
	receiver http.Handler
	api      http.Handler
	cluster  *cluster
	notReady error                                            // of the receiver
	refuses  error                                            // of the store
	starting error                                            // of the table
	try      func(queue.Target, travis.Event) (string, error) // nil: delivered

	mu  sync.Mutex
	log strings.Builder
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, cluster: &cluster{rights: map[string]bool{"ann get  ": true, "ann update  ": true}}}
	r.compiler = routing.NewCompiler(routing.Config{OperatorNamespace: system, Services: map[string]notify.Service{"webhook": rooms()}})
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
		Store: r.store, Memory: r.store, Observer: r, Now: time.Now, Log: logr.Discard(),
	})
	r.restart()
	return r
}

// restart is what of a restart the API can tell: the trail begins anew.
func (r *rig) restart() {
	r.use(trail.New(time.Now(), func(slug string) bool { _, ok := r.lookup(slug); return ok }))
}

// use puts an API in front of a trail.
func (r *rig) use(remembers *trail.Trail) {
	r.trail = remembers
	r.api = server.New(server.Options{
		Cluster: r.cluster,
		Sources: why.Sources{Table: r.compiler.Table, Verdict: r.compiler.Verdict, Trail: r.trail, Deliveries: r.store.Deliveries, Store: func() error { return r.refuses }},
		Store:   r.store,
		Try: func(_ context.Context, t queue.Target, e travis.Event) (string, error) {
			if r.try == nil {
				return "", nil
			}
			return r.try(t, e)
		},
		Ready: func() error { return r.starting },
		Clock: clock.RealClock{},
		Log: funcr.New(func(prefix, args string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.log.WriteString(prefix + args + "\n")
		}, funcr.Options{Verbosity: 9}),
	}).Handler
}

func (r *rig) lookup(slug string) (*routing.Repository, bool) {
	return r.compiler.Table().Repository(slug)
}

func (r *rig) Report(j receiver.Report)          { r.trail.Judged(j) }
func (*rig) Answered(int, string, time.Duration) {}
func (*rig) Noticed(_, _, _, _ string)           {}

// rooms is a service that knows every address.
func rooms() notify.Service {
	return notify.Service{
		Name: "webhook", SecretOptional: true,
		Check:   func(json.RawMessage, notify.Credential) error { return nil },
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) { return address, nil },
	}
}

// account declares the cluster-wide account chat, with repositories granted on signature alone.
func (r *rig) account(granted ...v1alpha1.RepositoryGlob) {
	d := &v1alpha1.TravisDefaults{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: v1alpha1.DefaultsName}}
	d.Spec.Accounts = []v1alpha1.Account{{Name: "chat", Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}}}}
	if len(granted) > 0 {
		d.Spec.SignatureOnly = &v1alpha1.SignatureOnly{Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: granted}
	}
	r.compiler.PutDefaults(d)
	r.compiler.PutSecret(routing.Secret{Namespace: system, Name: "chat", Type: v1alpha1.SecretTypeCredential, Data: map[string]secret.Value{"url": secret.New("https://rooms.example.com")}})
}

// secret declares the repository's token in a namespace.
func (r *rig) secret(namespace, token string) {
	r.compiler.PutSecret(routing.Secret{
		Namespace: namespace, Name: "token", Type: v1alpha1.SecretTypeToken,
		Data: map[string]secret.Value{"repository": secret.New(slug), "token": secret.New(token)},
	})
}

// route declares one to room #builds of the account chat, for every event.
func (r *rig) route(namespace, name string, change ...func(*v1alpha1.TravisRouteSpec)) {
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

// usual is a team with a token and a route.
func (r *rig) usual(change ...func(*v1alpha1.TravisRouteSpec)) {
	r.account()
	r.secret(team, token)
	r.route(team, "builds", change...)
}

// post sends a webhook as Travis does, after changes, and returns the code of the answer.
func (r *rig) post(b travistest.Build, change ...func(*http.Request)) int {
	request := travistest.Request(r.Context(), "http://hooks.example.com/travis/"+verify.Proof(slug, secret.New(token)), b, travistest.Key())
	for _, c := range change {
		c(request)
	}
	w := httptest.NewRecorder()
	r.receiver.ServeHTTP(w, request)
	return w.Code
}

// attempt takes what is due in a channel that works, and settles it.
func (r *rig) attempt(o queue.Outcome) { r.Helper(); r.settle(queue.Healthy, o) }

// retry is an attempt in a channel that failed last.
func (r *rig) retry(o queue.Outcome) { r.Helper(); r.settle(queue.Probation, o) }

func (r *rig) settle(lane queue.Lane, o queue.Outcome) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
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

// ask asks the API as somebody, and decodes the answer.
func (r *rig) ask(token, method, target string, question, answer any) int {
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
	if err := json.Unmarshal(w.Body.Bytes(), answer); err != nil {
		r.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return w.Code
}

// refused asks and returns the code and the sentence.
func (r *rig) refused(token, method, target string, question any) (int, string) {
	r.Helper()
	var e deliveryapi.Error
	code := r.ask(token, method, target, question, &e)
	return code, e.Message
}

// why asks as ann, who may read everything.
func (r *rig) why(query string) deliveryapi.Why {
	r.Helper()
	var answer deliveryapi.Why
	if code := r.ask("ann", http.MethodGet, deliveryapi.PathWhy+"?"+query, nil, &answer); code != http.StatusOK {
		r.Fatalf("answered %d", code)
	}
	return answer
}

// cluster knows people by tokens that are their names.
type cluster struct {
	mu     sync.Mutex
	rights map[string]bool // "who verb namespace route"
	asked  int
	away   error
}

func (c *cluster) Who(_ context.Context, token string) (authenticationv1.UserInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	switch {
	case c.away != nil:
		return authenticationv1.UserInfo{}, c.away
	case strings.HasPrefix(token, "stranger"):
		return authenticationv1.UserInfo{}, server.ErrNobody
	}
	return authenticationv1.UserInfo{Username: token}, nil
}

func (c *cluster) May(_ context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error) {
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
