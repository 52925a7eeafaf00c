package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// TableChanged queues the objects whose verdict changed ahead of all others, because their editor waits for
// the result. It does not block.
func (w *StatusWriter) TableChanged(c routing.Changes) {
	for _, key := range c.Routes {
		w.queue.addChanged(subject{kindRoute, key})
	}
	for _, key := range c.Defaults {
		w.queue.addChanged(subject{kindDefaults, key})
	}
}

// DeliveriesChanged queues a route whose deliveries changed. It does not block.
func (w *StatusWriter) DeliveriesChanged(namespace, route string) {
	w.queue.add(subject{kindRoute, types.NamespacedName{Namespace: namespace, Name: route}}, settle)
}

// TestRequested queues a route that has the annotation which requests a test. It does not block.
func (w *StatusWriter) TestRequested(route types.NamespacedName) {
	w.queue.add(subject{kindRoute, route}, 0)
}

// Noticed adds a notice about a repository (in lower case) to the status of a namespace's routes. It does
// not block.
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

// FilterFailed adds a notice that a route's filter failed on an event, which was announced. It does not
// block.
func (w *StatusWriter) FilterFailed(route types.NamespacedName, err error) {
	w.notice(route, v1alpha1.ReasonFilterInvalid, "the filter failed on an event, which was announced: "+err.Error())
}

func (w *StatusWriter) notice(route types.NamespacedName, reason, message string) {
	if w.observations.notice(route, reason, message, time.Now()) {
		w.queue.add(subject{kindRoute, route}, settle)
	}
}

// Attempted records an attempt to send with an account, by the namespace that defines it, and why it
// failed; empty if it did not. It does not block.
func (w *StatusWriter) Attempted(account types.NamespacedName, at time.Time, failure string) {
	if w.observations.attempted(account, at, failure) {
		w.queue.add(defaultsOf(account.Namespace), settle)
	}
}

// TemplateFailed adds a notice that a route's template failed on an event, for which the default text was
// sent. It does not block.
func (w *StatusWriter) TemplateFailed(route types.NamespacedName, err error) {
	w.notice(route, v1alpha1.ReasonMessageInvalid, "the template failed on an event, and the default text was sent: "+err.Error())
}
