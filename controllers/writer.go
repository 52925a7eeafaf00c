package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue/keyvalue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
)

// StatusWriter writes the status of routes and defaults. It runs on every replica; only the one with the
// lease writes.
type StatusWriter struct {
	// Client reads from the caches and patches status.
	Client client.Client
	// Live reads metadata from the API server, to find a Secret that lacks the label.
	Live     client.Reader
	Compiler *routing.Compiler
	// Channels returns the state of the channels of a route for which an event was ever accepted.
	Channels func(namespace, route string) []ChannelState
	// RepositoryID returns which repository a name stands for in a namespace; nil if it is not known yet.
	RepositoryID func(namespace, slug string) *v1alpha1.RepositoryIdentity
	// Connected reports which accounts of a namespace are logged in, on any replica; those whose service
	// keeps no connection, or that nobody uses, are absent.
	Connected func(ctx context.Context, namespace string) map[string]bool
	// Values keeps what replicas observe, so that whichever writes status knows it.
	Values keyvalue.Store
	// SendTest sends a test message to each channel of a route; the error says why there can be no test.
	SendTest func(ctx context.Context, route types.NamespacedName) ([]TestResult, error)
	// WebhookURL is the URL for .travis.yml, without a proof; empty if it is not configured.
	WebhookURL string
	// Store returns the store's current state. It does not block.
	Store func() StoreState
	// Loaded is closed when the routing table is complete; nil if it is complete already. No status is
	// written before, because a Secret that is not loaded yet would be reported as missing.
	Loaded <-chan struct{}
	// Self is the operator's own object, on which Events about the store are recorded.
	Self     client.Object
	Recorder events.EventRecorder
	Lease    Lease
	Log      logr.Logger

	pressure            pressure
	shares              shares
	tests               tests
	queue               statusQueue
	changes, deliveries *rate.Limiter // of writes
	observations        observations
	storeFails          atomic.Bool          // the last attempt to store them failed
	lookedForTokens     map[string]time.Time // by namespace
}

// NeedLeaderElection is false: the writer has a lease of its own.
func (*StatusWriter) NeedLeaderElection() bool { return false }

// Start writes status whenever this replica has the lease, until ctx ends.
func (w *StatusWriter) Start(ctx context.Context) error {
	w.setLimits()
	if w.Loaded != nil {
		select {
		case <-w.Loaded:
		case <-ctx.Done():
			return nil
		}
	}
	w.readObservations()
	var sharing sync.WaitGroup
	defer sharing.Wait()
	sharing.Go(func() { w.share(ctx) })
	return w.Lease.hold(ctx, func(ctx context.Context) {
		var store sync.WaitGroup
		defer store.Wait()
		w.readObservations() // what the previous writer has shown
		w.checkStore()
		store.Go(func() { w.watchStore(ctx) })
		w.queue.run(ctx, w.Log, w.all, w.write)
	})
}

// setLimits sets how often status is written.
func (w *StatusWriter) setLimits() {
	w.changes = rate.NewLimiter(changeWrites, changeBurst)
	w.deliveries = rate.NewLimiter(deliveryWrites, deliveryBurst)
}

// all returns every object, for the start of a term: the previous replica may have left any status outdated.
// Objects whose spec has no verdict yet come first.
func (w *StatusWriter) all(ctx context.Context) []subject {
	var waiting, reported []subject
	put := func(s subject, o client.Object, observed int64) {
		if observed != o.GetGeneration() {
			waiting = append(waiting, s)
		} else {
			reported = append(reported, s)
		}
	}
	var routes v1alpha1.TravisRouteList
	var defaults v1alpha1.TravisDefaultsList
	for _, list := range []client.ObjectList{&routes, &defaults} {
		if err := w.Client.List(ctx, list); err != nil {
			w.Log.Error(err, "objects could not be listed; their status is written when they change", "kind", fmt.Sprintf("%T", list))
		}
	}
	for i := range defaults.Items {
		d := &defaults.Items[i]
		put(subject{kindDefaults, client.ObjectKeyFromObject(d)}, d, d.Status.ObservedGeneration)
	}
	for i := range routes.Items {
		r := &routes.Items[i]
		put(subject{kindRoute, client.ObjectKeyFromObject(r)}, r, r.Status.ObservedGeneration)
	}
	return append(waiting, reported...)
}

// write brings one object's status up to date.
func (w *StatusWriter) write(ctx context.Context, s subject) (again time.Duration, err error) {
	pace := w.deliveries
	if w.queue.takeChanged(s) {
		pace = w.changes
	}
	if s.kind == kindDefaults {
		again, err = w.writeDefaults(ctx, s.key, pace)
	} else {
		again, err = w.writeRoute(ctx, s.key, pace)
	}
	if apierrors.IsNotFound(err) {
		return 0, nil // deleted meanwhile
	}
	return again, err
}

func (w *StatusWriter) writeRoute(ctx context.Context, key types.NamespacedName, pace *rate.Limiter) (time.Duration, error) {
	verdict, ok := w.Compiler.Verdict(key)
	if !ok { // not in the table yet, or deleted: a change queues it again
		w.observations.forget(subject{kindRoute, key}, func(observed) bool { return true })
		w.tests.forget(key)
		return 0, nil
	}
	if verdict.Pending { // TableChanged queues it again when its template is checked
		return 0, nil
	}
	noticed, again := w.observations.notices(key, time.Now())
	verdict.Warnings = append(slices.Clone(verdict.Warnings), noticed...)
	if lacksToken(verdict) {
		// If this changes the verdict, TableChanged queues the object again.
		if err := w.findUnlabeledTokens(ctx, key.Namespace); err != nil {
			return 0, err
		}
		again = sooner(again, resyncInterval)
	}
	route := &v1alpha1.TravisRoute{}
	if err := w.Client.Get(ctx, key, route); err != nil {
		return 0, err
	}
	old := route.DeepCopy()
	route.Status = w.newRouteStatus(route, verdict)
	request := requestOf(route)
	test, begin := w.tests.status(key, request, old.Status.Test, time.Now())
	route.Status.Test = test
	if equality.Semantic.DeepEqual(old.Status, route.Status) {
		return again, nil
	}
	if route.Status.ObservedGeneration != old.Status.ObservedGeneration {
		pace = w.changes // also after a restart, when nothing is queued as changed
	}
	if err := w.patch(ctx, pace, route, old, route.Status.Conditions, old.Status.Conditions); err != nil {
		return 0, err
	}
	switch {
	case begin:
		w.sendTest(ctx, key, test)
	case request != "" && test != nil && test.Request != request:
		again = sooner(again, time.Second) // the next test begins when the cache has this one's result
	}
	return sooner(again, staleCacheRecheck), nil
}

// lacksToken reports whether nothing authorizes the route's namespace for its repository.
func lacksToken(v routing.Verdict) bool {
	return slices.ContainsFunc(v.Unresolved, func(p routing.Problem) bool { return p.Reason == v1alpha1.ReasonTokenNotFound })
}

// newRouteStatus returns the status of a route, except for that of its test.
func (w *StatusWriter) newRouteStatus(route *v1alpha1.TravisRoute, v routing.Verdict) v1alpha1.TravisRouteStatus {
	key := client.ObjectKeyFromObject(route)
	status := routeStatus(route.Status, route.Spec.Repository, v, w.channels(key))
	status.Repository = w.RepositoryID(key.Namespace, route.Spec.Repository)
	setShareCondition(&status, w.shares.of(key.Namespace))
	return status
}

// channels returns the store's channels of a route and marks those that the route no longer has.
func (w *StatusWriter) channels(key types.NamespacedName) []ChannelState {
	channels := w.Channels(key.Namespace, key.Name)
	route, ok := w.Compiler.Table().Route(key.Namespace, key.Name)
	if !ok {
		return channels
	}
	for i := range channels {
		channels[i].Removed = true
		for _, t := range route.Targets {
			if t.Account == channels[i].Account && t.Address == channels[i].Address {
				channels[i].Removed = false
			}
		}
	}
	return channels
}

func (w *StatusWriter) writeDefaults(ctx context.Context, key types.NamespacedName, pace *rate.Limiter) (time.Duration, error) {
	verdict, ok := w.Compiler.DefaultsVerdict(key.Namespace)
	if !ok || key.Name != v1alpha1.DefaultsName || verdict.Pending {
		return 0, nil
	}
	// If this changes the verdict, TableChanged queues the object again.
	again, err := w.findUnlabeled(ctx, key.Namespace, verdict.MissingSecrets)
	if err != nil {
		return 0, err
	}
	defaults := &v1alpha1.TravisDefaults{}
	if err := w.Client.Get(ctx, key, defaults); err != nil {
		return 0, err
	}
	old := defaults.DeepCopy()
	w.observations.forget(defaultsOf(key.Namespace), func(of observed) bool {
		return !slices.ContainsFunc(verdict.Accounts, func(a routing.AccountVerdict) bool { return a.Name == of.Name })
	})
	connected := w.Connected(ctx, key.Namespace)
	defaults.Status = defaultsStatus(old.Status, verdict, func(account string) AccountState {
		state := w.observations.account(types.NamespacedName{Namespace: key.Namespace, Name: account})
		if c, known := connected[account]; known {
			state.Connected = &c
		}
		return state
	})
	defaults.Status.WebhookURL = w.WebhookURL
	setStoreConditions(&defaults.Status, key.Namespace == w.Lease.Namespace, w.pressure.state())
	if again == 0 && slices.ContainsFunc(defaults.Status.Accounts, func(a v1alpha1.AccountStatus) bool { return a.Connected != nil }) {
		again = resyncInterval // changes of a connection are not reported
	}
	if equality.Semantic.DeepEqual(old.Status, defaults.Status) {
		return again, nil
	}
	if defaults.Status.ObservedGeneration != old.Status.ObservedGeneration {
		pace = w.changes
	}
	return sooner(again, staleCacheRecheck), w.patch(ctx, pace, defaults, old, defaults.Status.Conditions, old.Status.Conditions)
}

// sooner returns the shorter of two waits. Zero means none.
func sooner(again, other time.Duration) time.Duration {
	if again == 0 {
		return other
	}
	return min(again, other)
}

// patch writes the changed status, limited by pace, and records an Event for each changed condition.
func (w *StatusWriter) patch(ctx context.Context, pace *rate.Limiter, obj, old client.Object, now, before []metav1.Condition) error {
	if err := pace.Wait(ctx); err != nil {
		return err
	}
	w.storeBeforeStatus(ctx, obj.GetNamespace())
	if err := w.Client.Status().Patch(ctx, obj, client.MergeFrom(old)); err != nil {
		return fmt.Errorf("patch status: %w", err)
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionDelivering} {
		w.recordChange(obj, meta.FindStatusCondition(now, kind), meta.FindStatusCondition(before, kind))
	}
	was, is := meta.FindStatusCondition(before, v1alpha1.ConditionStoreAvailable), meta.FindStatusCondition(now, v1alpha1.ConditionStoreAvailable)
	if was != nil || is != nil && is.Status == metav1.ConditionFalse {
		w.recordChange(obj, is, was)
	}
	return nil
}

// maxEventNote is the API's limit on an Event's note, in bytes.
const maxEventNote = 1024

// recordChange records an Event if a condition changed.
func (w *StatusWriter) recordChange(obj client.Object, now, before *metav1.Condition) {
	if now == nil || (before != nil && before.Status == now.Status && before.Reason == now.Reason) {
		return
	}
	kind := corev1.EventTypeNormal
	if now.Status == metav1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	w.Recorder.Eventf(obj, nil, kind, now.Reason, "UpdateStatus", "%s", text.Truncate(now.Message, maxEventNote))
}
