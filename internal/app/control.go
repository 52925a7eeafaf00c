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
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// control turns the cluster's objects into the routing table, and reports on their status.
type control struct {
	compiler *routing.Compiler
	status   *controllers.StatusWriter

	mu         sync.Mutex // keeps the order of tables that the dispatcher is given
	dispatcher *dispatch.Dispatcher
}

func newControl(env environment, trust *trust) *control {
	c := &control{}
	c.status = &controllers.StatusWriter{
		Client:     env.mgr.GetClient(),
		Live:       env.mgr.GetAPIReader(),
		Channels:   channelStates(env.store),
		Recorder:   env.mgr.GetEventRecorder("travishook"),
		WebhookURL: env.settings.Receiver.PublicURL,
		Store:      func() controllers.StoreState { return storeState(env.store.Ready()) },
		Self:       self(env.scope.own),
		Lease:      controllers.Lease{Client: env.client.coordination, Namespace: env.scope.own, Log: env.log.WithName("status")},
		Log:        env.log.WithName("status"),
	}
	c.compiler = routing.NewCompiler(routing.Config{
		OperatorNamespace: env.scope.own,
		Services:          registry.Services,
		CheckMessage:      checkMessage,
		Changed:           c.changed,
		FilterFailed:      c.status.FilterFailed,
	})
	c.status.Compiler = c.compiler
	c.compiler.SetKeys(trust.routingKeys())
	env.store.OnChange(c.status.DeliveriesChanged)
	return c
}

// connect lets control use the dispatcher, which is made from the table. It is called before anything starts.
func (c *control) connect(d *delivery) {
	c.dispatcher = d.dispatcher
	c.status.Connected = d.pool.Connected
	c.status.SendTest = c.sendTest
}

// lookup finds a repository in the table of the moment.
func (c *control) lookup(slug string) (*routing.Repository, bool) {
	return c.compiler.Table().Repository(slug)
}

// changed passes a new table on to the status writer and the dispatcher.
func (c *control) changed(changes routing.Changes) {
	c.status.TableChanged(changes)
	if len(changes.Accounts) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatcher.TableChanged(c.compiler.Table())
}

// sendTest sends a test message to each channel of a route.
func (c *control) sendTest(ctx context.Context, key types.NamespacedName) ([]controllers.TestResult, error) {
	route, ok := c.compiler.Table().Route(key.Namespace, key.Name)
	if !ok || !route.Accepted {
		return nil, errors.New("the route is not accepted, so there is nothing to test")
	}
	event := travis.TestEvent(route.Repository, time.Now())
	results := make([]controllers.TestResult, len(route.Targets))
	var pending sync.WaitGroup
	for i, t := range route.Targets {
		pending.Go(func() {
			note, err := c.dispatcher.Try(ctx, t, event)
			if err != nil {
				note = err.Error()
			}
			results[i] = controllers.TestResult{Account: t.Account, Address: t.Address, Delivered: err == nil, Reason: note}
		})
	}
	pending.Wait()
	return results, nil
}

// checkMessage runs a template against a sample of every event.
func checkMessage(m v1alpha1.MessageTemplate) error {
	template, err := render.Compile(m.Text, render.Syntax(m.Syntax))
	if err != nil {
		return err
	}
	return template.Check()
}

// channelStates converts the store's channel status to the status writer's.
func channelStates(store *store) func(namespace, route string) []controllers.ChannelState {
	return func(namespace, route string) []controllers.ChannelState {
		var states []controllers.ChannelState
		for _, c := range store.Channels(namespace, route) {
			states = append(states, controllers.ChannelState{
				Account: c.Target.Account, Address: c.Target.Address,
				Waiting: c.Waiting, Dead: c.Dead, Failures: c.Failures,
				Delivered: controllers.Mark{At: c.Delivered.At, Build: c.Delivered.Build, Event: string(c.Delivered.Result)},
				Failure: controllers.Mark{
					At: c.Failure.At, Build: c.Failure.Build, Event: string(c.Failure.Result), Reason: c.Failure.Reason,
				},
			})
		}
		return states
	}
}
