// Package controllers connects the routing table to the cluster: one reconciler for each kind
// feeds it, on every replica; and one writer, which runs on one replica at a time, tells the
// objects' owners on their status what the table makes of them.
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

// Reconcile puts the object as the cache has it now, or takes it out if it is gone.
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

// setup starts watching. Every replica needs the whole table, so no lease is asked for.
func (f *feeder[T]) setup(mgr ctrl.Manager, opts ...builder.ForOption) error {
	everywhere := false
	return ctrl.NewControllerManagedBy(mgr).
		Named(f.name).
		For(f.empty(), opts...).
		WithOptions(controller.Options{NeedLeaderElection: &everywhere, NewQueue: fairQueue}).
		Complete(f)
}

// load puts every object that the cache has, so that the caller knows when all of them are in, and
// takes out what the table had from before the API server was away and is no longer there.
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
