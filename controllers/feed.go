// Package controllers connects the routing table to the cluster. On every replica, one reconciler for
// each kind feeds the table; on one replica at a time, a writer reports the table's verdicts on the
// status of the objects.
//
// table.go and feed.go feed the table. writer.go writes the status, and decide.go has what it says. observations.go
// has what only one replica has seen, such as a failed attempt, and shared.go how the others learn of it. pressure.go
// and shares.go have the conditions about the store.
package controllers

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// feeder keeps the table up to date with one kind of object.
type feeder[T client.Object] struct {
	name   string
	reader client.Reader
	empty  func() T
	list   func() client.ObjectList
	put    func(T)
	remove func(types.NamespacedName)
	held   func() []types.NamespacedName // what the table has of the kind

	// mu keeps a get and its put together, so that what was read first cannot be put last.
	mu sync.Mutex
}

// Reconcile puts the object as the cache has it now, or removes it if it was deleted.
func (f *feeder[T]) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	obj := f.empty()
	err := f.reader.Get(ctx, req.NamespacedName, obj)
	switch {
	case apierrors.IsNotFound(err):
		f.remove(req.NamespacedName)
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("read %s %s: %w", f.name, req.NamespacedName, err)
	default:
		f.put(obj)
	}
	return reconcile.Result{}, nil
}

// setup starts watching. Every replica needs the whole table, so it runs without leader election.
func (f *feeder[T]) setup(mgr ctrl.Manager, opts ...builder.ForOption) error {
	everywhere := false
	return ctrl.NewControllerManagedBy(mgr).
		Named(f.name).
		For(f.empty(), opts...).
		WithOptions(controller.Options{NeedLeaderElection: &everywhere, NewQueue: fairQueue}).
		Complete(f)
}

// load puts every object of the cache, and removes objects that the restored table has and the cluster
// no longer does. When it returns nil, the table has all objects of the kind.
func (f *feeder[T]) load(ctx context.Context) error {
	list := f.list()
	if err := f.reader.List(ctx, list); err != nil {
		return fmt.Errorf("list %s: %w", f.name, err)
	}
	reconcileOne := func(key types.NamespacedName) error {
		_, err := f.Reconcile(ctx, reconcile.Request{NamespacedName: key})
		return err
	}
	if err := eachItem(list, reconcileOne); err != nil {
		return err
	}
	for _, key := range f.held() {
		if err := reconcileOne(key); err != nil {
			return err
		}
	}
	return nil
}
