package controllers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/queue/keyvalue/keyvaluetest"
	"github.com/travishook/travishook/internal/routing"
)

// sharing starts the part of a replica that shares what it observes; stop ends it in good order.
func sharing(t *testing.T, values *keyvaluetest.Map) (w *StatusWriter, stop func()) {
	t.Helper()
	w = writerOf(t, 1, func(types.NamespacedName) error { return nil })
	w.Values = values
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { w.share(ctx) })
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(stop)
	return w, stop
}

var (
	teamRoute   = types.NamespacedName{Namespace: "team", Name: "route-0"}
	teamAccount = types.NamespacedName{Namespace: "team", Name: "slack"}
)

func noticesOf(w *StatusWriter) []string {
	all, _ := w.observations.notices(teamRoute, time.Now())
	return all
}

func readyMessage(t *testing.T, w *StatusWriter) string {
	t.Helper()
	var r v1alpha1.TravisRoute
	if err := w.Client.Get(t.Context(), teamRoute, &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Message
		}
	}
	return ""
}

func TestWhatOneReplicaObservesAnotherWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := &keyvaluetest.Map{}
		seer, stop := sharing(t, values)
		writer, _ := sharing(t, values)
		term(t, writer)
		seer.Noticed("team", "a/b", "redirected", "Travis was redirected")
		failedAt := time.Now()
		seer.Attempted(teamAccount, failedAt, "invalid_auth")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := readyMessage(t, writer); !strings.Contains(got, "Travis was redirected") {
			t.Errorf("the status says %q", got)
		}
		if got := writer.observations.account(teamAccount); got.Reason != "invalid_auth" || !got.Failed.Equal(failedAt) {
			t.Errorf("the account's state is %+v", got)
		}

		seer.Attempted(teamAccount, time.Now(), "")
		stop() // it observed that just before it stopped
		later, _ := sharing(t, values)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := later.observations.account(teamAccount); got.Delivered.IsZero() {
			t.Errorf("a replica that starts later knows %+v", got)
		}
		if got := noticesOf(later); len(got) != 1 {
			t.Errorf("it knows the notices %q", got)
		}
	})
}

// A status that shows an observation and then loses it would make a user believe that the problem is gone.
func TestWhatTheStatusShowsTheNextWriterKnowsAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var crashed atomic.Bool
		values := &keyvaluetest.Map{BeforeWrite: func() error {
			if crashed.Load() {
				return errors.New("crashed")
			}
			return nil
		}}
		first, stop := sharing(t, values)
		term(t, first)
		time.Sleep(shareInterval / 4) // the status is written before observations are stored the next time
		first.Noticed("team", "a/b", "redirected", "Travis was redirected")
		for !strings.Contains(readyMessage(t, first), "Travis was redirected") {
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		crashed.Store(true)
		stop()

		next, _ := sharing(t, values)
		synctest.Wait()
		if got := noticesOf(next); len(got) != 1 {
			t.Errorf("the next writer knows %q", got)
		}
	})
}

// While the store is away, status is written nevertheless.
func TestAStoreThatIsAwayDelaysNoStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := &keyvaluetest.Map{BeforeWrite: func() error { time.Sleep(shareTimeout); return errors.New("away") }}
		w, _ := sharing(t, values)
		term(t, w)
		for i := range 10 {
			message := fmt.Sprint("notice ", i)
			w.Noticed("team", "a/b", "redirected", message)
			time.Sleep(settle)
			synctest.Wait()
			if i == 0 {
				time.Sleep(2 * shareTimeout)
				synctest.Wait()
			}
			if got := readyMessage(t, w); !strings.Contains(got, message) {
				t.Errorf("the status says %q, not %q", got, message)
			}
		}
	})
}

func TestADeletedRouteLeavesNoNoticeOnAnyReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := &keyvaluetest.Map{}
		seer, _ := sharing(t, values)
		writer, _ := sharing(t, values)
		term(t, writer)
		seer.Noticed("team", "a/b", "redirected", "Travis was redirected")
		time.Sleep(10 * time.Second)
		writer.Compiler.DeleteRoute(teamRoute)
		writer.TableChanged(routing.Changes{Routes: []types.NamespacedName{teamRoute}})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for name, w := range map[string]*StatusWriter{"seer": seer, "writer": writer} {
			if got := noticesOf(w); len(got) != 0 {
				t.Errorf("the %s still knows %q of the deleted route", name, got)
			}
		}
	})
}

func TestObservationsWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		values := &keyvaluetest.Map{BeforeWrite: func() error {
			if away.Load() {
				return errors.New("away")
			}
			return nil
		}}
		seer, _ := sharing(t, values)
		seer.Noticed("team", "a/b", "redirected", "Travis was redirected")
		time.Sleep(time.Minute)
		away.Store(false)
		time.Sleep(10 * time.Second)
		later, _ := sharing(t, values)
		synctest.Wait()
		if got := noticesOf(later); len(got) != 1 {
			t.Errorf("another replica knows %q", got)
		}
	})
}

// The rate of writes to the store does not grow with the traffic.
func TestRepeatedObservationsAreSeldomStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes atomic.Int32
		values := &keyvaluetest.Map{BeforeWrite: func() error { writes.Add(1); return nil }}
		seer, _ := sharing(t, values)
		for range 3600 {
			seer.Noticed("team", "a/b", "redirected", "Travis was redirected")
			seer.Attempted(teamAccount, time.Now(), "")
			time.Sleep(time.Second)
		}
		if n := writes.Load(); n > 2*int32(time.Hour/refreshAfter)+2 {
			t.Errorf("%d writes in an hour", n)
		}
		time.Sleep(noticeFor)
		synctest.Wait()
		if got := noticesOf(seer); len(got) != 0 {
			t.Errorf("a day later it says %q", got)
		}
		if got := seer.observations.account(teamAccount); got.Delivered.IsZero() {
			t.Error("a day later the account's last message is forgotten")
		}
	})
}

// What a namespace makes the operator observe takes its own part of the store only.
func TestStoredObservationsAreBounded(t *testing.T) {
	now := time.Now()
	loud, quiet := observations{}, observations{}
	key := storeKey("quiet")
	for n := range 100_000 {
		if namespace := fmt.Sprint("loud-", n%50); storeKey(namespace) == key {
			loud.notice(types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(n)}, "reason", strings.Repeat("<", 1000), now)
		}
	}
	quiet.notice(types.NamespacedName{Namespace: "quiet", Name: "route"}, "reason", "look here", now.Add(-time.Hour))
	all := slices.Concat(loud.ofKey(key, now), quiet.ofKey(key, now))
	value, err := encodeObservations(all, now)
	if err != nil || len(value) > observationBytes {
		t.Fatalf("%d bytes, %v", len(value), err)
	}
	of := map[string]int{}
	for _, s := range decodeObservations(value) {
		of[s.Namespace]++
	}
	if of["quiet"] != 1 || len(of) < 2 {
		t.Errorf("the namespaces of what is kept are %v", slices.Sorted(maps.Keys(of)))
	}
}

// Only the replica with the lease looks for Secrets without their label, and any may be asked why.
func TestEachReplicaKnowsWhichSecretsLackTheirLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := &keyvaluetest.Map{}
		writer, _ := sharing(t, values)
		other, _ := sharing(t, values)
		live := fake.NewClientBuilder().WithScheme(writer.Client.Scheme()).WithReturnManagedFields().Build()
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "theirs"},
			Data:       map[string][]byte{"repository": []byte("a/b"), "token": []byte("x")},
		}
		if err := live.Create(t.Context(), secret, client.FieldOwner("kubectl")); err != nil {
			t.Fatal(err)
		}
		writer.Live = live
		term(t, writer)
		time.Sleep(2 * time.Minute) // for what the table's changes would queue
		synctest.Wait()
		const command = "kubectl label secret -n team theirs travishook.dev/secret-type=token"
		for name, w := range map[string]*StatusWriter{"writer": writer, "other": other} {
			if v, _ := w.Compiler.Verdict(teamRoute); !strings.Contains(fmt.Sprint(v.Problems()), command) {
				t.Errorf("the %s says %v", name, v.Problems())
			}
		}
		if got := readyMessage(t, writer); !strings.Contains(got, command) {
			t.Errorf("the status says %q", got)
		}
		if err := live.Delete(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for name, w := range map[string]*StatusWriter{"writer": writer, "other": other} {
			if v, _ := w.Compiler.Verdict(teamRoute); strings.Contains(fmt.Sprint(v.Problems()), command) {
				t.Errorf("after it was deleted, the %s says %v", name, v.Problems())
			}
		}
	})
}
