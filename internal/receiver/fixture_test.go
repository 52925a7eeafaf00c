package receiver_test

import (
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

// now is the receiver's clock, and builds finish a minute before it.
var (
	now      = time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)
	finished = now.Add(-time.Minute)
)

// fixture is a receiver with a real routing table and a store in memory.
type fixture struct {
	options  receiver.Options
	compiler *routing.Compiler
	keys     []verify.Key
	ready    error
	store    *store
	noticed  []string // namespace, repository and reason
	messages []string
	answered []string
	reports  []receiver.Report
	log      strings.Builder
	mu       sync.Mutex // guards noticed, answered, reports and log
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	r := &fixture{
		compiler: routing.NewCompiler(routing.Config{OperatorNamespace: "travishook-system"}),
		keys:     []verify.Key{{Name: "travis", Public: &travistest.Key().PublicKey}},
		store:    newStore(),
	}
	keyless, err := verify.ParsePatterns([]string{"old/*"})
	if err != nil {
		t.Fatal(err)
	}
	r.options = receiver.Options{
		Settings: receiver.Settings{
			PathPrefix: "/travis", MaxAge: 24 * time.Hour, Keyless: keyless,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		},
		Lookup:   func(slug string) (*routing.Repository, bool) { return r.compiler.Table().Repository(slug) },
		Keys:     func() *verify.Keyring { return verify.NewKeyring(r.keys...) },
		Ready:    func() error { return r.ready },
		Store:    r.store,
		Values:   r.store,
		Identity: identity.NewResolver(identity.Options{}),
		Observer: r,
		Now:      func() time.Time { return now },
		Log: funcr.New(func(prefix, args string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			fmt.Fprintln(&r.log, prefix, args)
		}, funcr.Options{}),
	}
	return r
}

// route declares a route in a namespace.
func (r *fixture) route(namespace, repository string, events ...v1alpha1.EventName) *v1alpha1.TravisRoute {
	route := &v1alpha1.TravisRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: strings.ToLower(strings.ReplaceAll(repository, "/", "-"))},
		Spec: v1alpha1.TravisRouteSpec{
			Repository: repository, Events: events, Channels: []v1alpha1.Channel{{Account: "chat", Address: "room"}},
		},
	}
	r.compiler.PutRoute(route)
	return route
}

// token declares a token Secret.
func (r *fixture) token(namespace, name, repository, token string) {
	r.compiler.PutSecret(routing.Secret{
		Namespace: namespace, Name: name, Type: v1alpha1.SecretTypeToken,
		Data: map[string]secret.Value{"repository": secret.New(repository), "token": secret.New(token)},
	})
}

// grant declares the cluster's signatureOnly.
func (r *fixture) grant(repositories ...v1alpha1.RepositoryGlob) {
	r.compiler.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: "travishook-system", Name: "default"},
		Spec: v1alpha1.TravisDefaultsSpec{SignatureOnly: &v1alpha1.SignatureOnly{
			Namespaces: v1alpha1.NamespaceSelection{From: v1alpha1.FromAll}, Repositories: repositories,
		}},
	})
}

// send posts a webhook and returns the answer.
func (r *fixture) send(request *http.Request) *httptest.ResponseRecorder {
	if request.RemoteAddr == "" {
		request.RemoteAddr = "192.0.2.7:1234"
	}
	w := httptest.NewRecorder()
	receiver.NewHandler(r.options).ServeHTTP(w, request)
	return w
}

// webhook returns a signed request about b.
func webhook(b travistest.Build, key *rsa.PrivateKey) *http.Request {
	if b.Finished.IsZero() {
		b.Finished = finished
	}
	return travistest.Request(context.Background(), "http://hooks.example.com/travis", b, key)
}

func (r *fixture) Answered(code int, reason string, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered = append(r.answered, fmt.Sprintf("%d %s", code, reason))
}

func (r *fixture) Noticed(namespace, repository, reason, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noticed = append(r.noticed, namespace+" "+repository+" "+reason)
	r.messages = append(r.messages, message)
}

func (r *fixture) Report(j receiver.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, j)
}

func (r *fixture) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// last returns the last answer that the observer was called with.
func (r *fixture) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answered) == 0 {
		return "nothing"
	}
	return r.answered[len(r.answered)-1]
}

// store keeps acceptances and values in memory.
type store struct {
	keyvaluetest.Map
	mu       sync.Mutex
	accepted []queue.Acceptance
	seen     map[string]bool
	fail     error
	hold     chan struct{} // Accept waits for it to close, or for the end of its context, if it is set
	entered  chan struct{} // receives when Accept waits
}

func newStore() *store {
	s := &store{seen: map[string]bool{}}
	s.BeforeWrite = func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.fail
	}
	return s
}

func (s *store) Accept(ctx context.Context, a queue.Acceptance) (queue.Receipt, error) {
	if s.hold != nil {
		s.entered <- struct{}{}
		select {
		case <-s.hold:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return queue.Receipt{}, s.fail
	}
	if err := ctx.Err(); err != nil {
		return queue.Receipt{}, err
	}
	var receipt queue.Receipt
	var offers []queue.Offer
	for _, o := range a.Offers {
		if o.Targets = o.Match(&a.Event); len(o.Targets) == 0 {
			receipt.Unmatched = append(receipt.Unmatched, o.Namespace)
			continue
		}
		key := fmt.Sprintf("%s %d %d %s %s %s", o.Namespace, a.Event.Repository.ID, a.Event.Build.ID,
			a.Event.Build.State, a.Event.Build.Started, a.Event.Build.Finished)
		if s.seen[key] {
			receipt.Seen = append(receipt.Seen, o.Namespace)
			continue
		}
		s.seen[key] = true
		receipt.Stored = append(receipt.Stored, o.Namespace)
		offers = append(offers, o)
	}
	if a.Offers = offers; len(offers) > 0 {
		s.accepted = append(s.accepted, a)
	}
	return receipt, nil
}

// namespaces for which an event was stored, once for each event.
func (s *store) namespaces() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, a := range s.accepted {
		for _, o := range a.Offers {
			names = append(names, o.Namespace)
		}
	}
	return names
}
