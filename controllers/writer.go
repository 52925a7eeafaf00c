package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
	"github.com/travishook/travishook/internal/routing"
)

// StatusWriter tells the owners of routes and defaults what the operator makes of them. It runs on
// every replica and writes on the one that has the lease.
type StatusWriter struct {
	// Client reads from the caches and patches status.
	Client client.Client
	// Live reads metadata past the caches, to see a Secret that has not been labelled.
	Live     client.Reader
	Compiler *routing.Compiler
	// Channels tells of a route's channels, those that an event was ever accepted for.
	Channels func(namespace, route string) []ChannelState
	// Connected tells whether an account is logged in, on a service where that is kept up.
	Connected func(namespace, account string) (connected, known bool)
	// SendTest sends a test message to each channel of a route; the error says why there can be no test.
	SendTest func(ctx context.Context, route types.NamespacedName) ([]TestResult, error)
	// WebhookURL is what people write into .travis.yml, without a proof; empty if nobody has set it.
	WebhookURL string
	// Store tells how the store is at this moment. It does not block.
	Store func() StoreState
	// Loaded is closed when the routing table is complete; nil if it is. No status is written before: a
	// Secret that is not read yet is not one that does not exist.
	Loaded <-chan struct{}
	// Self is the object of the operator's own on which Events tell of its store.
	Self     client.Object
	Recorder events.EventRecorder
	Lease    Lease
	Log      logr.Logger

	pressure pressure
	tests    tests
	turns    turns
	pace     *rate.Limiter
	notices  notices
	accounts accounts
}

// NeedLeaderElection is false: the writer has a lease of its own.
func (*StatusWriter) NeedLeaderElection() bool { return false }

// Start writes status whenever this replica has the lease, until ctx ends.
func (w *StatusWriter) Start(ctx context.Context) error {
	w.pace = rate.NewLimiter(writesPerSec, writesBurst)
	if w.Loaded != nil {
		select {
		case <-w.Loaded:
		case <-ctx.Done():
			return nil
		}
	}
	return w.Lease.hold(ctx, func(ctx context.Context) {
		var store sync.WaitGroup
		defer store.Wait()
		w.lookAtStore()
		store.Go(func() { w.followStore(ctx) })
		w.turns.run(ctx, w.Log, w.all, w.write)
	})
}

// TableChanged is told what a change of the table came to. It does not block.
func (w *StatusWriter) TableChanged(c routing.Changes) {
	for _, key := range c.Routes {
		w.turns.soon(subject{kindRoute, key}, 0)
	}
	for _, key := range c.Defaults {
		w.turns.soon(subject{kindDefaults, key}, 0)
	}
}

// DeliveriesChanged is told that a delivery of a route came to something. It does not block.
func (w *StatusWriter) DeliveriesChanged(namespace, route string) {
	w.turns.soon(subject{kindRoute, types.NamespacedName{Namespace: namespace, Name: route}}, settle)
}

// TestRequested is told that a route carries the annotation that asks for a test. It does not block.
func (w *StatusWriter) TestRequested(route types.NamespacedName) {
	w.turns.soon(subject{kindRoute, route}, 0)
}

// Noticed is told what showed in the traffic of a repository (in lower case) that a namespace's
// routes should tell of. It does not block.
func (w *StatusWriter) Noticed(namespace, repository, reason, message string) {
	found, ok := w.Compiler.Table().Repository(repository)
	if !ok {
		return
	}
	for _, n := range found.Namespaces {
		for _, r := range n.Declared {
			if r.Namespace == namespace {
				w.notice(types.NamespacedName{Namespace: r.Namespace, Name: r.Name}, reason, message)
			}
		}
	}
}

// FilterFailed is told that a route's filter failed on an event, which was relayed all the same. It
// does not block.
func (w *StatusWriter) FilterFailed(route types.NamespacedName, err error) {
	w.notice(route, v1alpha1.ReasonFilterInvalid, "the filter failed on an event, which was relayed all the same: "+err.Error())
}

func (w *StatusWriter) notice(route types.NamespacedName, reason, message string) {
	if w.notices.put(route, reason, message, time.Now()) {
		w.turns.soon(subject{kindRoute, route}, settle)
	}
}

// Attempted is told of an attempt to send as an account, by the namespace that defines it, and why
// it failed, or nothing. It does not block.
func (w *StatusWriter) Attempted(account types.NamespacedName, at time.Time, failure string) {
	if w.accounts.attempted(account, at, failure) {
		w.turns.soon(subject{kindDefaults, types.NamespacedName{Namespace: account.Namespace, Name: v1alpha1.DefaultsName}}, settle)
	}
}

// TemplateFailed is told that a route's template failed on an event, which went out with the
// built-in line. It does not block.
func (w *StatusWriter) TemplateFailed(route types.NamespacedName, err error) {
	w.notice(route, v1alpha1.ReasonMessageInvalid, "the template failed on an event, and the built-in line was sent: "+err.Error())
}

// fares tells of an account.
func (w *StatusWriter) fares(account types.NamespacedName) AccountState {
	state := w.accounts.of(account)
	if connected, known := w.Connected(account.Namespace, account.Name); known {
		state.Connected = &connected
	}
	return state
}

// all are the objects to look at when a term begins: the replica before may have left any behind.
func (w *StatusWriter) all(ctx context.Context) []subject {
	var subjects []subject
	for kind, list := range map[string]client.ObjectList{
		kindRoute:    &v1alpha1.TravisRouteList{},
		kindDefaults: &v1alpha1.TravisDefaultsList{},
	} {
		err := w.Client.List(ctx, list)
		err = errors.Join(err, eachItem(list, func(key types.NamespacedName) error {
			subjects = append(subjects, subject{kind, key})
			return nil
		}))
		if err != nil {
			w.Log.Error(err, "objects were not listed; each gets its status when it changes", "kind", kind)
		}
	}
	return subjects
}

// write brings one object's status up to date.
func (w *StatusWriter) write(ctx context.Context, s subject) (again time.Duration, err error) {
	if s.kind == kindDefaults {
		again, err = w.writeDefaults(ctx, s.key)
	} else {
		again, err = w.writeRoute(ctx, s.key)
	}
	if apierrors.IsNotFound(err) {
		return 0, nil // deleted meanwhile
	}
	return again, err
}

func (w *StatusWriter) writeRoute(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	verdict, ok := w.Compiler.Verdict(key)
	if !ok { // not in the table yet, or no more: its turn comes with the change
		w.notices.forget(key)
		w.tests.forget(key)
		return 0, nil
	}
	if verdict.Pending { // its turn comes when the message is checked
		return 0, nil
	}
	noticed, again := w.notices.of(key, time.Now())
	verdict.Warnings = append(slices.Clone(verdict.Warnings), noticed...)
	route := &v1alpha1.TravisRoute{}
	if err := w.Client.Get(ctx, key, route); err != nil {
		return 0, err
	}
	old := route.DeepCopy()
	route.Status = routeStatus(old.Status, route.Spec.Repository, verdict, w.channels(key))
	request := requestOf(route)
	test, begin := w.tests.status(key, request, old.Status.Test, time.Now())
	route.Status.Test = test
	if equality.Semantic.DeepEqual(old.Status, route.Status) {
		return again, nil
	}
	if err := w.patch(ctx, route, old, route.Status.Conditions, old.Status.Conditions); err != nil {
		return 0, err
	}
	switch {
	case begin:
		w.sendTest(ctx, key, test)
	case request != "" && test != nil && test.Request != request:
		again = sooner(again, time.Second) // the next test, when the cache has this one's result
	}
	return sooner(again, lookOver), nil
}

// channels are those that the store knows of a route, with those marked that it no longer has.
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

func (w *StatusWriter) writeDefaults(ctx context.Context, key types.NamespacedName) (time.Duration, error) {
	verdict, ok := w.Compiler.DefaultsVerdict(key.Namespace)
	if !ok || key.Name != v1alpha1.DefaultsName || verdict.Pending {
		return 0, nil
	}
	// What this finds changes the verdict, and a changed verdict brings another turn.
	again, err := w.lookForUnlabelled(ctx, key.Namespace, verdict.MissingSecrets)
	if err != nil {
		return 0, err
	}
	defaults := &v1alpha1.TravisDefaults{}
	if err := w.Client.Get(ctx, key, defaults); err != nil {
		return 0, err
	}
	old := defaults.DeepCopy()
	w.accounts.retain(key.Namespace, func(name string) bool {
		return slices.ContainsFunc(verdict.Accounts, func(a routing.AccountVerdict) bool { return a.Name == name })
	})
	defaults.Status = defaultsStatus(old.Status, verdict, func(account string) AccountState {
		return w.fares(types.NamespacedName{Namespace: key.Namespace, Name: account})
	})
	defaults.Status.WebhookURL = w.WebhookURL
	setStore(&defaults.Status, key.Namespace == w.Lease.Namespace, w.pressure.state())
	if again == 0 && slices.ContainsFunc(defaults.Status.Accounts, func(a v1alpha1.AccountStatus) bool { return a.Connected != nil }) {
		again = lookAgain // nobody tells when a connection comes or goes
	}
	if equality.Semantic.DeepEqual(old.Status, defaults.Status) {
		return again, nil
	}
	return sooner(again, lookOver), w.patch(ctx, defaults, old, defaults.Status.Conditions, old.Status.Conditions)
}

// sooner is the shorter of two waits, of which zero is none.
func sooner(again, other time.Duration) time.Duration {
	if again == 0 {
		return other
	}
	return min(again, other)
}

// lookForUnlabelled asks whether a Secret that an account misses is there without its label, for
// then the way out is another. No watch tells of such a Secret, so it is looked for again.
func (w *StatusWriter) lookForUnlabelled(ctx context.Context, namespace string, names []string) (time.Duration, error) {
	for _, name := range names {
		key := types.NamespacedName{Namespace: namespace, Name: name}
		found := &metav1.PartialObjectMetadata{}
		found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		err := w.Live.Get(ctx, key, found)
		switch {
		case apierrors.IsNotFound(err):
			w.Compiler.DeleteUnlabelled(key)
		case err != nil:
			return 0, fmt.Errorf("look for Secret %s: %w", key, err)
		case !labelled(found):
			w.Compiler.PutUnlabelled(key)
		}
	}
	if len(names) > 0 {
		return lookAgain, nil
	}
	return 0, nil
}

// labelled reports whether the watch will bring the Secret by itself.
func labelled(s *metav1.PartialObjectMetadata) bool {
	t := s.Labels[v1alpha1.LabelSecretType]
	return t == v1alpha1.SecretTypeToken || t == v1alpha1.SecretTypeCredential
}

// patch writes what changed, in its turn, and tells of a changed Ready in an Event.
func (w *StatusWriter) patch(ctx context.Context, obj, old client.Object, now, before []metav1.Condition) error {
	if err := w.pace.Wait(ctx); err != nil {
		return err
	}
	if err := w.Client.Status().Patch(ctx, obj, client.MergeFrom(old)); err != nil {
		return fmt.Errorf("patch status: %w", err)
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionDelivering} {
		w.tell(obj, meta.FindStatusCondition(now, kind), meta.FindStatusCondition(before, kind))
	}
	if was := meta.FindStatusCondition(before, v1alpha1.ConditionStoreAvailable); was != nil {
		w.tell(obj, meta.FindStatusCondition(now, v1alpha1.ConditionStoreAvailable), was)
	}
	return nil
}

// tell records an Event where a condition is another than before.
func (w *StatusWriter) tell(obj client.Object, now, before *metav1.Condition) {
	if now == nil || (before != nil && before.Status == now.Status && before.Reason == now.Reason) {
		return
	}
	kind := corev1.EventTypeNormal
	if now.Status == metav1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	w.Recorder.Eventf(obj, nil, kind, now.Reason, "Judge", "%s", now.Message)
}
