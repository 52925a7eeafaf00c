package app

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/controllers"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/dispatch"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/receiver"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
)

// delivery sends stored deliveries and records their outcomes.
type delivery struct {
	recorder   *record.Recorder
	trail      *trail.Trail
	keeper     *trail.Keeper
	pool       *dispatch.Pool
	dispatcher *dispatch.Dispatcher
}

func newDelivery(env environment, control *control) (*delivery, error) {
	recorder, err := record.New(env.metrics, env.log.WithName("delivery"))
	if err != nil {
		return nil, err
	}
	for service := range registry.Services {
		recorder.InitDeadLetters(service)
	}
	receiver.Answers(recorder.InitAnswer)
	env.metrics.MustRegister(record.QueueCollector(env.store.Counts), record.StoreCollector(storeSize{env.store.Engine}))
	d := &delivery{
		recorder: recorder,
		trail: trail.New(time.Now(), func(slug string) bool {
			_, ok := control.lookup(slug)
			return ok
		}),
		pool: newPool(env.settings.Delivery, apiServer(env.cluster), env.store.Holds, env.log),
	}
	d.dispatcher = dispatch.New(dispatch.Config{
		Queue:      env.store,
		Resolver:   dispatch.NewTableResolver(control.compiler.Table),
		Pool:       d.pool,
		Peers:      env.store,
		Shared:     env.settings.Store.External != nil,
		Record:     attempts{recorder, control.status, d.trail, control.compiler},
		Log:        env.log.WithName("dispatch"),
		RetryLimit: time.Duration(env.settings.Delivery.RetryFor),
	})
	env.store.OnEnd(d.trail.Ended)
	d.keeper = trail.NewKeeper(d.trail, env.store, time.Now, env.log.WithName("trail"))
	d.keeper.Load()
	d.trail.Handle(env.store.Handle)
	env.store.Handle(kindConnected, answerConnected(d.pool))
	return d, nil
}

// attempts passes the outcome of each attempt to metrics, logs, status and the trail behind kubectl travis why.
type attempts struct {
	recorder *record.Recorder
	status   *controllers.StatusWriter
	trail    *trail.Trail
	compiler *routing.Compiler
}

// Attempted implements dispatch.Recorder.
func (o attempts) Attempted(a record.Attempt) {
	o.recorder.Attempted(a)
	o.trail.Attempted(a)
	if a.Service == "" || a.Outcome.Kind == queue.Dropped {
		return // nothing was sent
	}
	failure := a.Outcome.Reason
	if a.Outcome.Kind == queue.Delivered {
		failure = "" // the reason is a note for the route, such as whom the message mentions
	}
	t := a.Delivery.Target
	if account, err := o.compiler.Table().Account(t.Namespace, t.Account); err == nil {
		o.status.Attempted(types.NamespacedName{Namespace: account.Namespace, Name: account.Name}, a.Outcome.At, failure)
	}
}

// TemplateFailed implements dispatch.Recorder.
func (o attempts) TemplateFailed(d queue.Delivery, err error) {
	o.recorder.TemplateFailed(d, err)
	o.status.TemplateFailed(types.NamespacedName{Namespace: d.Target.Namespace, Name: d.Target.Route}, err)
}
