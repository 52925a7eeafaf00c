package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

func TestEachNamespaceHasItsTurn(t *testing.T) {
	f := newFairOrder(func(s string) string { return s[:1] })
	for i := range 1000 {
		f.Push(fmt.Sprint("a", i))
	}
	f.Pop()
	f.Push("b0")
	f.Push("b1")
	f.Push("c0")
	var got []string
	for range 6 {
		got = append(got, f.Pop())
	}
	if want := []string{"c0", "b0", "a1", "b1", "a2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
	if f.Len() != 1003-7 {
		t.Errorf("%d are left", f.Len())
	}
}

// The status of a changed route is written before all others that wait.
func TestAChangedRouteGoesFirst(t *testing.T) {
	const routes = 10_000
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var writes []types.NamespacedName
		w := writerOf(t, routes, func(key types.NamespacedName) error {
			mu.Lock()
			defer mu.Unlock()
			writes = append(writes, key)
			return nil
		})
		term(t, w) // all routes wait for their first status
		key := types.NamespacedName{Namespace: "team", Name: fmt.Sprint("route-", routes-1)}
		began := time.Now()
		w.TableChanged(routing.Changes{Routes: []types.NamespacedName{key}})
		for deadline := began.Add(time.Minute); time.Now().Before(deadline); {
			mu.Lock()
			found, others := slices.Contains(writes, key), len(writes)
			mu.Unlock()
			if found {
				if waited := time.Since(began); waited > time.Second {
					t.Errorf("it was written after %s", waited)
				}
				if others == routes {
					t.Error("all others were written before")
				}
				return
			}
			time.Sleep(50 * time.Millisecond) // of the bubble's clock
		}
		t.Error("it was not written within a minute")
	})
}

// Routes that were applied before the operator was installed get their first verdict at the rate of changes, and
// before those whose status lacks the last deliveries only.
func TestAnInstallReportsNewRoutesFirstAndFast(t *testing.T) {
	const routes = 3000
	synctest.Test(t, func(t *testing.T) {
		var writes []types.NamespacedName
		var mu sync.Mutex
		w := writerOf(t, routes, func(key types.NamespacedName) error {
			mu.Lock()
			defer mu.Unlock()
			writes = append(writes, key)
			return nil
		})
		known := map[types.NamespacedName]bool{}
		for i := range 100 { // the first in every list
			key := types.NamespacedName{Namespace: "team", Name: fmt.Sprint("route-", i)}
			known[key] = true
			var r v1alpha1.TravisRoute
			if err := w.Client.Get(t.Context(), key, &r); err != nil {
				t.Fatal(err)
			}
			r.Status.ObservedGeneration = r.Generation
			if err := w.Client.Status().Update(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
		}
		term(t, w)
		time.Sleep((routes-100-changeBurst)/changeWrites*time.Second + time.Second) // of the bubble's clock
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(writes) < routes-100 {
			t.Errorf("only %d of %d routes have a verdict", len(writes), routes-100)
		}
		for i, key := range writes {
			if known[key] && i < routes-100 {
				t.Fatalf("%s was written before the last of those without a verdict", key.Name)
			}
		}
	})
}

// A route that waits its turn moves forward when it changes.
func TestAWaitingSubjectMovesForward(t *testing.T) {
	changed := map[subject]bool{}
	o := newChangedFirst(func(s subject) bool { return changed[s] })
	sub := func(name string) subject {
		return subject{kindRoute, types.NamespacedName{Namespace: "a", Name: name}}
	}
	for _, name := range []string{"one", "two", "three"} {
		o.Push(sub(name))
	}
	changed[sub("three")] = true
	o.Touch(sub("three"))
	o.Touch(sub("three"))
	var got []string
	for o.Len() > 0 {
		got = append(got, o.Pop().key.Name)
	}
	if want := []string{"three", "one", "two"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

// A status that the API server rejects is not written again until something changes.
func TestARefusedStatusIsNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int64
		w := writerOf(t, 1, func(types.NamespacedName) error {
			writes.Add(1)
			return apierrors.NewInvalid(schema.GroupKind{Kind: kindRoute}, "route-0", nil)
		})
		term(t, w)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := writes.Load(); n != 1 {
			t.Errorf("it was written %d times", n)
		}
		w.TableChanged(routing.Changes{Routes: []types.NamespacedName{{Namespace: "team", Name: "route-0"}}})
		time.Sleep(time.Second)
		synctest.Wait()
		if n := writes.Load(); n != 2 {
			t.Errorf("after a change it was written %d times", n)
		}
	})
}

// Before the table is complete, a Secret that is not loaded yet would be reported as missing.
func TestNothingIsWrittenBeforeTheTableIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loaded := make(chan struct{})
		w := writerOf(t, 1, func(types.NamespacedName) error { return errors.New("it wrote") })
		w.Loaded = loaded
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Start(ctx) }() // without a lease to ask for, it would panic
		time.Sleep(time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReadySaysWhatAuthorizesAPattern(t *testing.T) {
	s := routeStatus(v1alpha1.TravisRouteStatus{}, "a/*", routing.Verdict{Authorized: "authorized by token for a/b"}, nil)
	if got := condition(s, "Ready"); got != "True Ready: announces  of a/*, authorized by token for a/b" {
		t.Errorf("Ready is %q", got)
	}
}

// noteRecorder records the notes of Events.
type noteRecorder struct {
	discardEvents
	notes []string
}

func (n *noteRecorder) Eventf(_, _ runtime.Object, _, _, _, format string, args ...any) {
	n.notes = append(n.notes, fmt.Sprintf(format, args...))
}

func TestEventsStayUnderTheLimit(t *testing.T) {
	recorder := &noteRecorder{}
	w := &StatusWriter{Recorder: recorder}
	w.recordChange(&corev1.Secret{}, &metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: "A", Message: strings.Repeat("ä", 1024)}, nil)
	if len(recorder.notes) != 1 || len(recorder.notes[0]) > 1024 {
		t.Errorf("notes of %d bytes", len(recorder.notes[0]))
	}
}
