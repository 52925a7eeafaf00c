package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/engine"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// gate is a service whose messages to some addresses wait until it opens.
type gate struct {
	blocks func(address string) bool
	opened chan struct{}

	mu             sync.Mutex
	underWay, most int
	sent           chan sent // messages that were accepted
}

type sent struct {
	address string
	at      time.Time
}

func newGate(blocks func(address string) bool) *gate {
	return &gate{blocks: blocks, opened: make(chan struct{}), sent: make(chan sent, 10_000)}
}

func (g *gate) send(ctx context.Context, m notify.Message) error {
	g.mu.Lock()
	g.underWay++
	g.most = max(g.most, g.underWay)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.underWay--
		g.mu.Unlock()
	}()
	if g.blocks(m.Address) {
		select {
		case <-g.opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.sent <- sent{m.Address, time.Now()}
	return nil
}

func (g *gate) count() (underWay, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.underWay, g.most
}

// tenants are namespaces whose routes a real store and a Dispatcher serve.
type tenants struct {
	fixture
	store *engine.Engine
	next  int64
}

func startTenants(t *testing.T, g *gate) *tenants {
	t.Helper()
	service := (&fakeService{send: g.send}).service()
	services := map[string]notify.Service{"webhook": service}
	s := &tenants{
		fixture: fixture{routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: services})},
		store:   openStore(t),
	}
	runDispatcher(t, Config{
		Queue: s.store, Resolver: NewTableResolver(s.Table), Record: &fakeRecorder{},
		Pool: NewPool(PoolConfig{Services: services, Log: logr.Discard()}),
	})
	return s
}

// route compiles a route with these addresses, of an account of the namespace or of the cluster.
func (s *tenants) route(namespace, name string, addresses ...string) []queue.Target {
	r := &v1alpha1.TravisRoute{}
	r.Namespace, r.Name, r.UID = namespace, name, types.UID(namespace+"/"+name)
	r.Spec.Repository = "example/example"
	for _, address := range addresses {
		r.Spec.Channels = append(r.Spec.Channels, v1alpha1.Channel{Account: "chat", Address: address})
	}
	s.PutRoute(r)
	route, _ := s.Table().Route(namespace, name)
	return route.Targets
}

// account gives a namespace an account; the one of the operator's own namespace is shared by all.
func (s *tenants) account(namespace string) {
	s.putAccount(namespace, nil)
	s.PutSecret(routing.Secret{
		Namespace: namespace, Name: credential.Name, Type: v1alpha1.SecretTypeCredential,
		Data: map[string]secret.Value{"password": secret.New(password)},
	})
}

// accept stores the event of another build.
func (s *tenants) accept(t *testing.T, offers ...queue.Offer) {
	t.Helper()
	s.next++
	receipt, err := s.store.Accept(t.Context(), queue.Acceptance{
		Event: travis.Event{
			Repository: travis.Repository{ID: 1, Owner: "example", Name: "example"},
			Build:      travis.Build{ID: s.next, Number: fmt.Sprint(s.next), Result: travis.Passed, State: "passed", Type: travis.Push, Branch: "main"},
		},
		Received: time.Now(), Offers: offers,
	})
	if err != nil || len(receipt.Stored) != len(offers) {
		t.Fatalf("%+v, %v", receipt, err)
	}
}

// TestSlowChannelsOfOneNamespaceDelayNoOther has one namespace with 60 routes of 32 channels, more than
// there are slots, none of which answers. Another namespace's message is sent before any of these attempts
// has ended.
func TestSlowChannelsOfOneNamespaceDelayNoOther(t *testing.T) {
	g := newGate(func(address string) bool { return strings.HasPrefix(address, "#slow") })
	s := startTenants(t, g)
	defer close(g.opened)
	s.account("hostile")
	s.account("honest")
	for event := range 4 {
		var targets []queue.Target
		for route := range 15 {
			name := fmt.Sprintf("%d-%d", event, route)
			var addresses []string
			for channel := range 32 {
				addresses = append(addresses, fmt.Sprintf("#slow-%s-%d", name, channel))
			}
			targets = append(targets, s.route("hostile", name, addresses...)...)
		}
		s.accept(t, queue.Offer{Namespace: "hostile", Targets: targets})
	}
	for underWay := 0; underWay < healthyAttempts/2; underWay, _ = g.count() {
		if t.Context().Err() != nil {
			t.Fatal("the namespace does not get its share")
		}
		<-time.After(time.Millisecond) // for the namespace to fill its share
	}
	began := time.Now()
	s.accept(t, queue.Offer{Namespace: "honest", Targets: s.route("honest", "r", "#live")})
	got := <-g.sent
	underWay, most := g.count()
	t.Logf("%s arrived after %s, while %d attempts to slow channels were under way", got.address, got.at.Sub(began), underWay)
	if got.address != "#live" || most > healthyAttempts/2+1 {
		t.Errorf("%s was sent first; at most %d attempts were under way, want %d", got.address, most, healthyAttempts/2+1)
	}
}

// TestNamespacesShareADestinationsPace has forty namespaces send to one channel of the cluster's account:
// one message at a time, and after a burst one a second.
func TestNamespacesShareADestinationsPace(t *testing.T) {
	g := newGate(func(string) bool { return false })
	s := startTenants(t, g)
	s.account("system")
	var offers []queue.Offer
	for i := range 40 {
		namespace := fmt.Sprintf("team-%d", i)
		offers = append(offers, queue.Offer{Namespace: namespace, Targets: s.route(namespace, "r", "#shared")})
	}
	s.accept(t, offers...)
	var first time.Time
	for i := range paceBurst + 3 {
		got := <-g.sent
		if i == 0 {
			first = got.at
		}
		// One that is late, on a busy machine, leaves the next one less than an interval to wait.
		least := time.Duration(i+1-paceBurst) * paceInterval
		if took := got.at.Sub(first); took < least*99/100 {
			t.Errorf("message %d was sent %s after the first, want at least %s", i+1, took, least)
		}
	}
	if _, most := g.count(); most != 1 {
		t.Errorf("%d messages were sent at once", most)
	}
}

// TestAHangingAddressTakesOneSlot has 1 600 channels that resolve to one address, which does not answer.
func TestAHangingAddressTakesOneSlot(t *testing.T) {
	g := newGate(func(address string) bool { return address == "#hanging" })
	s := startTenants(t, g)
	defer close(g.opened)
	s.account("system")
	var offers []queue.Offer
	for i := range 50 {
		offer := queue.Offer{Namespace: fmt.Sprintf("team-%d", i)}
		for j := range 32 {
			offer.Targets = append(offer.Targets, s.route(offer.Namespace, fmt.Sprint(j), "#hanging")...)
		}
		offers = append(offers, offer)
	}
	s.accept(t, offers...)
	s.accept(t, queue.Offer{Namespace: "team-0", Targets: s.route("team-0", "live", "#live")})
	if got := <-g.sent; got.address != "#live" {
		t.Errorf("%s was sent first", got.address)
	}
	if _, most := g.count(); most > 2 {
		t.Errorf("%d attempts were under way at once, want one to each address", most)
	}
	if sending := s.store.Counts().Sending; sending > 2 {
		t.Errorf("%d deliveries are being sent", sending)
	}
}
