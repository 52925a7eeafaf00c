package controllers

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// discardEvents records no Events.
type discardEvents struct{ events.EventRecorder }

func (discardEvents) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}

// writerOf returns a writer of n routes that calls written for each write to the API server.
func writerOf(t *testing.T, n int, written func(types.NamespacedName) error) *StatusWriter {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	compiler := routing.NewCompiler(routing.Config{OperatorNamespace: "system"})
	build := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.TravisRoute{}, &v1alpha1.TravisDefaults{})
	for i := range n {
		r := &v1alpha1.TravisRoute{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprint("route-", i), UID: types.UID(fmt.Sprint(i)), Generation: 1},
			Spec:       v1alpha1.TravisRouteSpec{Repository: "a/b", Channels: []v1alpha1.Channel{{Account: "x"}}},
		}
		compiler.PutRoute(r)
		build = build.WithObjects(r)
	}
	w := &StatusWriter{
		Client: build.WithInterceptorFuncs(interceptor.Funcs{
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				if err := written(client.ObjectKeyFromObject(obj)); err != nil {
					return err
				}
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		}).Build(),
		Compiler:     compiler,
		Channels:     func(string, string) []ChannelState { return nil },
		RepositoryID: func(string, string) *v1alpha1.RepositoryIdentity { return nil },
		Connected:    func(context.Context, string) map[string]bool { return nil },
		Recorder:     discardEvents{},
		Log:          logr.Discard(),
	}
	w.Live = w.Client
	w.setLimits()
	return w
}

// term runs the writer as if it held the lease, until the test ends.
func term(t *testing.T, w *StatusWriter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { w.queue.run(ctx, w.Log, w.all, w.write) })
	t.Cleanup(func() { cancel(); done.Wait() })
	synctest.Wait()
}

func TestTheRateOfWritesDoesNotGrowWithTheEvents(t *testing.T) {
	const routes, seconds = 100, 60
	for _, perSecond := range []int{10, 1000} {
		t.Run(fmt.Sprint(perSecond, " events a second"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var writes, outcomes atomic.Int64
				w := writerOf(t, routes, func(types.NamespacedName) error { writes.Add(1); return nil })
				w.Channels = func(string, string) []ChannelState { // each outcome is another status
					return []ChannelState{{Account: "x", Delivered: LastAttempt{At: time.Now(), Build: strconv.FormatInt(outcomes.Load(), 10), Event: "passed"}}}
				}
				term(t, w)
				began := writes.Load()
				for i := range perSecond * seconds {
					outcomes.Add(1)
					w.DeliveriesChanged("team", fmt.Sprint("route-", i%routes))
					time.Sleep(time.Second / time.Duration(perSecond)) // of the bubble's clock
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got, limit := writes.Load()-began, int64(deliveryBurst+changeBurst+deliveryWrites*2*seconds); got > limit {
					t.Errorf("%d writes, more than %d", got, limit)
				}

				var last v1alpha1.TravisRoute
				if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "team", Name: "route-99"}, &last); err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("#%d passed", outcomes.Load()); last.Status.LastBuild != want {
					t.Errorf("in the end the status shows build %q, not %q", last.Status.LastBuild, want)
				}
			})
		})
	}
}

func TestAWriteThatFailsIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 3
		w := writerOf(t, 1, func(types.NamespacedName) error {
			if failures > 0 {
				failures--
				return fmt.Errorf("the API server is away")
			}
			return nil
		})
		term(t, w)
		time.Sleep(time.Minute)
		synctest.Wait()
		var r v1alpha1.TravisRoute
		if err := w.Client.Get(t.Context(), types.NamespacedName{Namespace: "team", Name: "route-0"}, &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Status.Conditions) == 0 {
			t.Error("there is no status")
		}
	})
}

func TestAStatusThatDidNotChangeIsNotWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int64
		w := writerOf(t, 1, func(types.NamespacedName) error { writes.Add(1); return nil })
		w.Channels = func(string, string) []ChannelState {
			return []ChannelState{{Account: "x", Delivered: LastAttempt{At: noon, Build: "1", Event: "passed"}}}
		}
		term(t, w)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := writes.Load(); n != 1 {
			t.Fatalf("%d writes of the first status", n)
		}
		w.DeliveriesChanged("team", "route-0")
		w.TableChanged(routing.Changes{Routes: []types.NamespacedName{{Namespace: "team", Name: "route-0"}}})
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := writes.Load(); n != 1 {
			t.Errorf("%d writes of a status that is the same", n-1)
		}
	})
}

func TestAReplicaWithoutTheLeaseWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := writerOf(t, 1, func(types.NamespacedName) error { t.Error("it wrote"); return nil })
		w.DeliveriesChanged("team", "route-0")
		w.TableChanged(routing.Changes{Routes: []types.NamespacedName{{Namespace: "team", Name: "route-0"}}})
		time.Sleep(time.Hour)
	})
}

func TestTheStatusTellsWhichChannelsTheRouteStillHas(t *testing.T) {
	w := writerOf(t, 1, func(types.NamespacedName) error { return nil })
	w.Channels = func(string, string) []ChannelState {
		return []ChannelState{{Account: "x"}, {Account: "x", Address: "rom"}}
	}
	got := w.channels(types.NamespacedName{Namespace: "team", Name: "route-0"})
	if got[0].Removed || !got[1].Removed {
		t.Errorf("channels are %+v; the second is no longer the route's", got)
	}
}

func TestACacheThatLagsBehindDoesNotLeaveAnOldStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cached atomic.Pointer[v1alpha1.TravisRoute] // returned by reads while it is set
		w := writerOf(t, 1, func(types.NamespacedName) error { return nil })
		live := w.Client.(client.WithWatch)
		w.Client = interceptor.NewClient(live, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				if route, ok := obj.(*v1alpha1.TravisRoute); ok && cached.Load() != nil {
					cached.Load().DeepCopyInto(route)
					return nil
				}
				return c.Get(ctx, key, obj, opts...)
			},
		})
		var build atomic.Int64
		w.Channels = func(string, string) []ChannelState {
			return []ChannelState{{Account: "x", Delivered: LastAttempt{At: noon, Build: strconv.FormatInt(build.Load(), 10), Event: "passed"}}}
		}
		key := types.NamespacedName{Namespace: "team", Name: "route-0"}
		read := func() (r v1alpha1.TravisRoute) {
			if err := live.Get(t.Context(), key, &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		term(t, w)
		time.Sleep(time.Minute)
		first := read()
		cached.Store(&first)
		for _, n := range []int64{1, 0} { // and back, before the cache has seen it
			build.Store(n)
			w.TableChanged(routing.Changes{Routes: []types.NamespacedName{key}})
			synctest.Wait()
		}
		cached.Store(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := read(); got.Status.LastBuild != first.Status.LastBuild {
			t.Errorf("the status goes on telling of %q, want %q", got.Status.LastBuild, first.Status.LastBuild)
		}
	})
}
