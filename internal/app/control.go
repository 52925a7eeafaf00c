package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/identity"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
)

// control turns the cluster's objects into the routing table, and reports on their status.
type control struct {
	compiler *routing.Compiler
	status   *controllers.StatusWriter
	loaded   chan struct{} // closed when the table is complete

	mu         sync.Mutex // keeps the order of tables that the dispatcher is given
	dispatcher *dispatch.Dispatcher
}

func newControl(env environment, trust *trust) *control {
	c := &control{loaded: make(chan struct{})}
	c.status = &controllers.StatusWriter{
		Client:     env.mgr.GetClient(),
		Live:       env.mgr.GetAPIReader(),
		Channels:   channelStates(env.store),
		Recorder:   env.mgr.GetEventRecorder("travishook"),
		Connected:  connectedOn(env.store),
		Values:     env.store,
		WebhookURL: env.settings.Receiver.PublicURL,
		Store: func() controllers.StoreState {
			return storeState(env.store.Ready(), env.store.Losses(), env.store.Usages())
		},
		Loaded: c.loaded,
		Self:   self(env.scope.own),
		Lease:  controllers.Lease{Client: env.client.coordination, Namespace: env.scope.own, Annotations: markAnnotation(env.store.HighWater), Log: env.log.WithName("status")},
		Log:    env.log.WithName("status"),
	}
	c.compiler = routing.NewCompiler(routing.Config{
		OperatorNamespace: env.scope.own,
		Services:          registry.Services,
		DestinationKey:    env.destinations,
		CheckMessage:      checkMessage,
		CheckVersion:      render.Version(),
		Changed:           c.changed,
		FilterFailed:      c.status.FilterFailed,
	})
	c.status.Compiler = c.compiler
	c.status.RepositoryID = repositoryID(c.lookup, env.store)
	c.compiler.SetKeys(trust.routingKeys())
	env.store.OnChange(c.status.DeliveriesChanged)
	return c
}

// connect sets the dispatcher, which needs the table and so is made later. It is called before anything starts.
func (c *control) connect(d *delivery) {
	c.dispatcher = d.dispatcher
	c.status.SendTest = c.sendTest
}

// tableComplete starts the status writer, and has the dispatcher compare the store with the table. It is
// called once.
func (c *control) tableComplete() {
	close(c.loaded)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatcher.TableChanged(c.compiler.Table())
}

// lookup finds a repository in the current table.
func (c *control) lookup(slug string) (*routing.Repository, bool) {
	return c.compiler.Table().Repository(slug)
}

// changed passes a new table on to the status writer and the dispatcher.
func (c *control) changed(changes routing.Changes) {
	c.status.TableChanged(changes)
	if !changes.Deliveries() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatcher.TableChanged(c.compiler.Table())
}

// sendTest sends a test message to each channel of a route, for the status writer. It waits if the last
// test was too recent.
func (c *control) sendTest(ctx context.Context, key types.NamespacedName) ([]controllers.TestResult, error) {
	for {
		route, ok := c.compiler.Table().Route(key.Namespace, key.Name)
		if !ok || !route.Accepted {
			return nil, errors.New("the route is not accepted, so there is nothing to test")
		}
		results, err := c.dispatcher.SendTest(ctx, route)
		if tooSoon, ok := errors.AsType[*dispatch.TooSoonError](err); ok {
			select {
			case <-time.After(tooSoon.Wait):
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return testResults(results), err
	}
}

// testResults converts the dispatcher's test results to the status writer's.
func testResults(results []record.TestResult) []controllers.TestResult {
	converted := make([]controllers.TestResult, len(results))
	for i, r := range results {
		converted[i] = controllers.TestResult{
			Account: r.Target.Account, Address: r.Target.Address, Delivered: r.Failure == "", Reason: r.Failure + r.Note,
		}
	}
	return converted
}

// checkMessage runs a template against a sample of every event.
func checkMessage(m v1alpha1.MessageTemplate) error {
	return render.Check(m.Text, render.Syntax(m.Syntax))
}

// maxRepositoryID is the schema's limit. The API server rejects a status that exceeds it.
const maxRepositoryID = 1<<53 - 1

// repositoryID returns which repository a name stands for: the one that the namespace's routes pin, or the one
// that it is remembered for.
func repositoryID(lookup func(slug string) (*routing.Repository, bool), values keyvalue.Store) func(namespace, slug string) *v1alpha1.RepositoryIdentity {
	return func(namespace, slug string) *v1alpha1.RepositoryIdentity {
		if repository, ok := lookup(slug); ok {
			for _, n := range repository.Namespaces {
				if n.Name == namespace && n.RepositoryID != 0 {
					return &v1alpha1.RepositoryIdentity{ID: n.RepositoryID, Source: v1alpha1.RepositoryIDSource(identity.Spec)}
				}
			}
		}
		if known, ok := identity.Get(values, namespace, slug); ok && known.ID <= maxRepositoryID {
			return &v1alpha1.RepositoryIdentity{ID: known.ID, Source: v1alpha1.RepositoryIDSource(known.Source)}
		}
		return nil
	}
}

// channelStates converts the store's channel status to the status writer's.
func channelStates(store *store) func(namespace, route string) []controllers.ChannelState {
	return func(namespace, route string) []controllers.ChannelState {
		var states []controllers.ChannelState
		for _, c := range store.Channels(namespace, route) {
			states = append(states, controllers.ChannelState{
				Account: c.Target.Account, Address: c.Target.Address,
				Waiting: c.Waiting, Dead: c.Dead, Failures: c.Failures,
				Delivered: lastAttempt(c.Delivered), Failure: lastAttempt(c.Failure),
			})
		}
		return states
	}
}

func lastAttempt(m queue.LastAttempt) controllers.LastAttempt {
	return controllers.LastAttempt{At: m.At, Build: m.Build, Event: string(m.Result), Reason: m.Reason}
}
