package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settlement is a settled delivery.
type settlement struct {
	Delivery queue.Delivery
	Outcome  queue.Outcome
}

// fakeQueue hands out the deliveries of its channels, and again, in Probation, those that are settled as
// retries, when they are due.
type fakeQueue struct {
	lanes [2]chan queue.Delivery

	mu        sync.Mutex
	taken     map[string]queue.Delivery
	settled   []settlement
	refuse    func(id string) error // of Settle, if set
	wakeFirst error                 // what the next Wake fails with, if set
	changes   []func(queue.Target) queue.Change
	drops     []func(queue.Target) bool
}

func newFakeQueue() *fakeQueue {
	q := &fakeQueue{taken: map[string]queue.Delivery{}}
	for i := range q.lanes {
		q.lanes[i] = make(chan queue.Delivery, 10_000)
	}
	return q
}

// SetSlots does nothing: the tests decide what is handed out.
func (q *fakeQueue) SetSlots(queue.Lane, int) {}

func (q *fakeQueue) Take(ctx context.Context, lane queue.Lane) (queue.Delivery, error) {
	select {
	case <-ctx.Done():
		return queue.Delivery{}, ctx.Err()
	case d := <-q.lanes[lane]:
		q.mu.Lock()
		defer q.mu.Unlock()
		q.taken[d.ID] = d
		return d, nil
	}
}

func (q *fakeQueue) Settle(_ context.Context, id string, o queue.Outcome) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		if err := q.refuse(id); err != nil {
			return err
		}
	}
	d := q.taken[id]
	if leaseLost(d) && o.Kind != queue.Delivered {
		return nil // like the store, it discards the outcome
	}
	q.settled = append(q.settled, settlement{d, o})
	if o.Kind == queue.Retry {
		d.Attempt++
		d.LastReason = o.Reason
		time.AfterFunc(time.Until(o.Due), func() { q.lanes[queue.Probation] <- d })
	}
	return nil
}

func (q *fakeQueue) Wake(_ context.Context, change func(queue.Target) queue.Change) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.wakeFirst; err != nil {
		q.wakeFirst = nil
		return 0, err
	}
	q.changes = append(q.changes, change)
	return 1, nil
}

func (q *fakeQueue) Drop(_ context.Context, gone func(queue.Target) bool, _ string) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drops = append(q.drops, gone)
	return 1, nil
}

func (q *fakeQueue) outcomes() []settlement {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]settlement(nil), q.settled...)
}

// retryLimit is that of the dispatchers under test.
const retryLimit = 24 * time.Hour

const password = "hunter2-hunter2"

// fixture compiles objects: an account "chat" of the service "webhook" and the route "r", both in the
// namespace "team".
type fixture struct{ *routing.Compiler }

func newFixture(service notify.Service, channels ...string) fixture {
	w := fixture{routing.NewCompiler(routing.Config{
		OperatorNamespace: "system",
		Services:          map[string]notify.Service{"webhook": service},
	})}
	w.putAccount("team", nil)
	w.putPassword(password)
	w.putRoute(nil, channels...)
	return w
}

func (f fixture) putAccount(namespace string, allowed []v1alpha1.Glob) {
	d := &v1alpha1.TravisDefaults{}
	d.Namespace, d.Name = namespace, v1alpha1.DefaultsName
	d.Spec.Accounts = []v1alpha1.Account{{
		Name:             "chat",
		Webhook:          &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}},
		AllowedAddresses: allowed,
	}}
	f.PutDefaults(d)
}

var credential = types.NamespacedName{Namespace: "team", Name: "chat"}

func (f fixture) putPassword(v string) { f.putCredential(credential.Namespace, v) }

func (f fixture) putCredential(namespace, password string) {
	f.PutSecret(routing.Secret{
		Namespace: namespace, Name: credential.Name, Type: v1alpha1.SecretTypeCredential,
		Data: map[string]secret.Value{"password": secret.New(password)},
	})
}

// putDefaultRoute puts the route with a channel of the default account.
func (f fixture) putDefaultRoute(channel string) {
	f.putChannels(nil, v1alpha1.Channel{Address: channel})
}

func (f fixture) putRoute(message *v1alpha1.MessageTemplate, addresses ...string) {
	channels := make([]v1alpha1.Channel, 0, len(addresses))
	for _, address := range addresses {
		channels = append(channels, v1alpha1.Channel{Account: "chat", Address: address})
	}
	f.putChannels(message, channels...)
}

func (f fixture) putChannels(message *v1alpha1.MessageTemplate, channels ...v1alpha1.Channel) {
	r := &v1alpha1.TravisRoute{}
	r.Namespace, r.Name, r.UID = "team", "r", "uid"
	r.Spec.Repository = "example/example"
	r.Spec.Message, r.Spec.Channels = message, channels
	f.PutRoute(r)
}

// target is the target that would be stored now for a channel.
func target(channel string) queue.Target {
	return queue.Target{
		Namespace: "team", Route: "r", RouteUID: "uid", Account: "chat",
		Address: channel, Channel: "team/chat/" + channel,
	}
}

func delivery(id, channel string) queue.Delivery {
	return queue.Delivery{
		ID: id, Target: target(channel), Destination: "team/chat/" + channel, Attempt: 1, Accepted: time.Now(), Since: time.Now(),
		Event: travis.Event{
			Repository: travis.Repository{Owner: "example", Name: "example"},
			Build:      travis.Build{Number: "123", Result: travis.Passed, Branch: "main"},
		},
	}
}

// fakeService returns notifiers that call send.
type fakeService struct {
	send func(ctx context.Context, m notify.Message) error
	can  notify.Capabilities

	mu             sync.Mutex
	opened, closed int
	deps           []notify.Deps
}

func (s *fakeService) service() notify.Service {
	return notify.Service{
		Name:  "webhook",
		Keys:  []notify.Key{{Name: "password", Required: true}},
		Forms: []notify.Capabilities{s.can},
		Check: func(json.RawMessage, notify.Credential) error { return nil },
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
			return strings.ToLower(address), nil
		},
		Person: func(id string) (string, error) { return id, nil },
		New: func(_ json.RawMessage, credential notify.Credential, deps notify.Deps) (notify.Notifier, error) {
			if credential["password"].Empty() {
				return nil, errors.New("no password")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.opened++
			s.deps = append(s.deps, deps)
			return &fakeNotifier{s}, nil
		},
	}
}

func (s *fakeService) counts() (opened, closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.closed
}

type fakeNotifier struct{ s *fakeService }

func (n *fakeNotifier) Notify(ctx context.Context, m notify.Message) (notify.Receipt, error) {
	return notify.Receipt{}, n.s.send(ctx, m)
}

func (n *fakeNotifier) Close() error {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	n.s.closed++
	return nil
}

// fakeRecorder keeps what is recorded.
type fakeRecorder struct {
	mu        sync.Mutex
	attempts  []record.Attempt
	templates []error
}

func (r *fakeRecorder) Attempted(a record.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, a)
}

func (r *fakeRecorder) TemplateFailed(_ queue.Delivery, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.templates = append(r.templates, err)
}

// running is a running Dispatcher with its dependencies.
type running struct {
	*Dispatcher
	fixture
	queue   *fakeQueue
	service *fakeService
	record  *fakeRecorder
	// end stops it and returns the error of Run.
	end func() error
}

// start runs a Dispatcher in a synctest bubble, until end or the test's end.
func start(t *testing.T, send func(ctx context.Context, m notify.Message) error, channels ...string) *running {
	t.Helper()
	return startAs(t, notify.Capabilities{}, send, channels...)
}

// startAs runs a Dispatcher whose service can do something.
func startAs(t *testing.T, can notify.Capabilities, send func(ctx context.Context, m notify.Message) error, channels ...string) *running {
	t.Helper()
	service := &fakeService{send: send, can: can}
	r := &running{
		fixture: newFixture(service.service(), channels...),
		queue:   newFakeQueue(), service: service, record: &fakeRecorder{},
	}
	r.Dispatcher = New(Config{
		Queue:      r.queue,
		Resolver:   NewTableResolver(r.Table),
		Pool:       NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": service.service()}, Log: logr.Discard()}),
		Record:     r.record,
		Log:        logr.Discard(),
		RetryLimit: retryLimit,
	})
	r.run(t)
	return r
}

func (r *running) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.end = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.end() })
}
