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

// settlement is what a fakeQueue was told of a delivery.
type settlement struct {
	Delivery queue.Delivery
	Outcome  queue.Outcome
}

// fakeQueue hands out what it is given, and hands out again, in Probation, what is settled as a
// retry, when that is due.
type fakeQueue struct {
	lanes [2]chan queue.Delivery

	mu        sync.Mutex
	taken     map[string]queue.Delivery
	settled   []settlement
	refuse    func(id string) error // of Settle, if set
	wakeFirst error                 // what the next Wake fails with, if set
	heals     []func(queue.Target) queue.Change
}

func newFakeQueue() *fakeQueue {
	q := &fakeQueue{taken: map[string]queue.Delivery{}}
	for i := range q.lanes {
		q.lanes[i] = make(chan queue.Delivery, 10_000)
	}
	return q
}

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
	q.settled = append(q.settled, settlement{d, o})
	if o.Kind == queue.Retry {
		d.Attempt++
		d.LastReason = o.Reason
		time.AfterFunc(time.Until(o.Due), func() { q.lanes[queue.Probation] <- d })
	}
	return nil
}

func (q *fakeQueue) Wake(_ context.Context, heals func(queue.Target) queue.Change) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.wakeFirst; err != nil {
		q.wakeFirst = nil
		return 0, err
	}
	q.heals = append(q.heals, heals)
	return 1, nil
}

func (q *fakeQueue) outcomes() []settlement {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]settlement(nil), q.settled...)
}

const password = "hunter2-hunter2"

// world is a cluster's objects, compiled: one account "room" of the service "webhook", in the
// namespace "team", and the route "r" there.
type world struct{ *routing.Compiler }

func newWorld(service notify.Service, channels ...string) world {
	w := world{routing.NewCompiler(routing.Config{
		OperatorNamespace: "system",
		Services:          map[string]notify.Service{"webhook": service},
	})}
	w.putAccount("team", nil)
	w.putPassword(password)
	w.putRoute(nil, channels...)
	return w
}

func (w world) putAccount(namespace string, allowed []v1alpha1.Glob) {
	d := &v1alpha1.TravisDefaults{}
	d.Namespace, d.Name = namespace, v1alpha1.DefaultsName
	d.Spec.Accounts = []v1alpha1.Account{{
		Name:             "room",
		Webhook:          &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "room"}},
		AllowedAddresses: allowed,
	}}
	w.PutDefaults(d)
}

var credential = types.NamespacedName{Namespace: "team", Name: "room"}

func (w world) putPassword(v string) {
	w.PutSecret(routing.Secret{
		Namespace: credential.Namespace, Name: credential.Name, Type: v1alpha1.SecretTypeCredential,
		Data: map[string]secret.Value{"password": secret.New(v)},
	})
}

func (w world) putRoute(message *v1alpha1.MessageTemplate, channels ...string) {
	r := &v1alpha1.TravisRoute{}
	r.Namespace, r.Name, r.UID = "team", "r", "uid"
	r.Spec.Repository = "example/example"
	r.Spec.Message = message
	for _, c := range channels {
		r.Spec.Channels = append(r.Spec.Channels, v1alpha1.Channel{Account: "room", Address: c})
	}
	w.PutRoute(r)
}

// target is a channel as an event that is stored now would have it.
func target(channel string) queue.Target {
	return queue.Target{
		Namespace: "team", Route: "r", RouteUID: "uid", Account: "room",
		Address: channel, Channel: "team/room/" + channel,
	}
}

func delivery(id, channel string) queue.Delivery {
	return queue.Delivery{
		ID: id, Target: target(channel), Attempt: 1, Accepted: time.Now(), Since: time.Now(),
		Event: travis.Event{
			Repository: travis.Repository{Owner: "example", Name: "example"},
			Build:      travis.Build{Number: "123", Result: travis.Passed, Branch: "main"},
		},
	}
}

// fakeService makes notifiers that do what send says.
type fakeService struct {
	send func(ctx context.Context, m notify.Message) error

	mu             sync.Mutex
	opened, closed int
	deps           []notify.Deps
}

func (s *fakeService) service() notify.Service {
	return notify.Service{
		Name:  "webhook",
		Keys:  []notify.Key{{Name: "password", Required: true}},
		Check: func(json.RawMessage, notify.Credential) error { return nil },
		Address: func(_ json.RawMessage, _ notify.Credential, address string) (string, error) {
			return strings.ToLower(address), nil
		},
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

func (n *fakeNotifier) Notify(ctx context.Context, m notify.Message) error { return n.s.send(ctx, m) }

func (n *fakeNotifier) Close() error {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	n.s.closed++
	return nil
}

// fakeRecorder remembers what it was told.
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

// rig is a Dispatcher with all that it needs, running.
type rig struct {
	*Dispatcher
	world
	queue   *fakeQueue
	service *fakeService
	record  *fakeRecorder
	// end stops it and returns what Run did.
	end func() error
}

// start runs a Dispatcher in a synctest bubble, until end or the test's end.
func start(t *testing.T, send func(ctx context.Context, m notify.Message) error, channels ...string) *rig {
	t.Helper()
	service := &fakeService{send: send}
	r := &rig{
		world: newWorld(service.service(), channels...),
		queue: newFakeQueue(), service: service, record: &fakeRecorder{},
	}
	r.Dispatcher = New(Config{
		Queue:      r.queue,
		Resolver:   NewTableResolver(r.Table),
		Pool:       NewPool(PoolConfig{Services: map[string]notify.Service{"webhook": service.service()}, Log: logr.Discard()}),
		Record:     r.record,
		Log:        logr.Discard(),
		RetryLimit: DefaultRetryLimit,
	})
	r.run(t)
	return r
}

func (r *rig) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.end = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = r.end() })
}
