package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
)

// testRoute sends a test of the route that the fixture compiles, after those before it are forgotten.
func (r *running) testRoute(t *testing.T) (note, failure string) {
	t.Helper()
	route, ok := r.Table().Route("team", "r")
	if !ok {
		t.Fatal("no route")
	}
	r.tests.routes.Purge()
	results, err := r.SendTest(t.Context(), route)
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	return results[0].Note, results[0].Failure
}

func TestATestMessageIsMarkedAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got notify.Message
		r := start(t, func(_ context.Context, m notify.Message) error { got = m; return nil }, "#a")
		if note, failure := r.testRoute(t); note != "" || failure != "" {
			t.Fatal(note, failure)
		}
		if !strings.HasPrefix(got.Text, "[test] [Travis-CI]") || got.Spans[0].Text != "[test] " {
			t.Errorf("text is %q, spans are %v", got.Text, got.Spans)
		}
		if got.Address != "#a" || got.Route != "team/r" || len(got.ID) != 32 {
			t.Errorf("sent %+v", got)
		}
		if n := len(r.queue.outcomes()) + len(r.record.attempts); n != 0 {
			t.Errorf("it was settled or recorded like a delivery")
		}
	})
}

func TestATestMessageReportsWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("no such channel for " + password)
		r := start(t, func(context.Context, notify.Message) error { return refused }, "#a")
		if _, failure := r.testRoute(t); failure != "no such channel for [redacted]" {
			t.Errorf("the service's refusal came back as %q", failure)
		}
		refused = nil
		r.putRoute(&v1alpha1.MessageTemplate{Text: "%{nothing}"}, "#a")
		if note, failure := r.testRoute(t); failure != "" || !strings.Contains(note, `there is no variable "nothing"`) {
			t.Errorf("a template that fails: %q, %q", note, failure)
		}
		r.DeleteSecret(credential)
		if _, failure := r.testRoute(t); !strings.Contains(failure, `Secret "chat"`) {
			t.Errorf("a missing credential: %q", failure)
		}
	})
}

func TestARouteIsTestedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		r := start(t, func(context.Context, notify.Message) error { sent++; return nil }, "#a")
		route, _ := r.Table().Route("team", "r")
		var tooSoon *TooSoonError
		for i := range 300 {
			if _, err := r.SendTest(t.Context(), route); i > 0 && !errors.As(err, &tooSoon) {
				t.Fatalf("test %d: %v", i, err)
			}
		}
		if sent != 1 || tooSoon.Wait != testInterval {
			t.Errorf("%d messages were sent; the next may be in %s", sent, tooSoon.Wait)
		}
		advance(testInterval)
		if _, err := r.SendTest(t.Context(), route); err != nil || sent != 2 {
			t.Errorf("after the interval: %d sent, %v", sent, err)
		}
	})
}

func TestATestMessageWaitsForADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sending, free := make(chan string, 2), make(chan struct{})
		r := start(t, func(_ context.Context, m notify.Message) error {
			sending <- m.ID
			<-free
			return nil
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		failed := make(chan string, 1)
		go func() {
			_, failure := r.testRoute(t)
			failed <- failure
		}()
		synctest.Wait()
		if len(sending) != 1 {
			t.Errorf("%d messages are sent to one destination at once", len(sending))
		}
		close(free)
		if failure := <-failed; failure != "" {
			t.Error(failure)
		}
	})
}

func TestATestMessageKeepsTheDestinationsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a")
		for range paceBurst {
			r.pace.sent("team/chat/#a", time.Now())
		}
		began := time.Now()
		if _, failure := r.testRoute(t); failure != "" {
			t.Error(failure)
		}
		if waited := time.Since(began); waited != paceInterval {
			t.Errorf("it was sent after %s", waited)
		}
		for range 2 * int(testTimeout/paceInterval) {
			r.pace.sent("team/chat/#a", time.Now())
		}
		if _, failure := r.testRoute(t); !strings.Contains(failure, "a message a second") {
			t.Errorf("where others come first for long: %q", failure)
		}
	})
}

// TestTestMessagesShareTheirSlots has one namespace test far more than there are slots for: all are sent
// in the end, and another namespace's is sent at once.
func TestTestMessagesShareTheirSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most, sent := 0, 0, 0
		r := start(t, func(_ context.Context, m notify.Message) error {
			mu.Lock()
			now++
			most, sent = max(most, now), sent+1
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		})
		const routes, channels = 10, 32
		var hostile []*routing.Route
		for i := range routes {
			hostile = append(hostile, r.put("hostile", fmt.Sprint(i), channels))
		}
		honest := r.put("honest", "r", 1)
		var pending sync.WaitGroup
		for _, route := range hostile {
			pending.Go(func() {
				if results, err := r.SendTest(t.Context(), route); err != nil || len(results) != channels {
					t.Errorf("%d results, %v", len(results), err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		results, err := r.SendTest(t.Context(), honest)
		if err != nil || results[0].Failure != "" {
			t.Fatal(results, err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("the other namespace's test took %s, want one attempt's time", took)
		}
		pending.Wait()
		if most > testSlots/2+1 {
			t.Errorf("%d messages were sent at once", most)
		}
		if sent != routes*channels+1 {
			t.Errorf("%d messages were sent, want %d", sent, routes*channels+1)
		}
	})
}

// TestTestMessagesWithoutASlotAreReported: channels that never answer take all slots until the test ends.
func TestTestMessagesWithoutASlotAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		r := start(t, func(ctx context.Context, _ notify.Message) error {
			sent.Add(1)
			<-ctx.Done()
			return ctx.Err()
		})
		const channels = 4 * testSlots
		began := time.Now()
		results, err := r.SendTest(t.Context(), r.put("hostile", "r", channels))
		if err != nil || len(results) != channels {
			t.Fatalf("%d results, %v", len(results), err)
		}
		if took := time.Since(began); took > testTimeout {
			t.Errorf("the test took %s, want at most %s", took, testTimeout)
		}
		unsent := 0
		for _, result := range results {
			if result.Failure == "" {
				t.Errorf("the result of %s is empty", result.Target.Channel)
			}
			if strings.HasPrefix(result.Failure, "not sent: too many test messages of the namespace are under way") {
				unsent++
			}
		}
		if unsent == 0 || unsent+int(sent.Load()) != channels {
			t.Errorf("%d messages were sent and %d were not, of %d", sent.Load(), unsent, channels)
		}
	})
}

// put compiles a namespace's route with channels of an account of its own.
func (f fixture) put(namespace, name string, channels int) *routing.Route {
	f.putAccount(namespace, nil)
	f.putCredential(namespace, password)
	r := &v1alpha1.TravisRoute{}
	r.Namespace, r.Name, r.UID = namespace, name, types.UID(namespace+"/"+name)
	r.Spec.Repository = "example/example"
	for i := range channels {
		r.Spec.Channels = append(r.Spec.Channels, v1alpha1.Channel{Account: "chat", Address: fmt.Sprintf("#%s-%d", name, i)})
	}
	f.PutRoute(r)
	route, _ := f.Table().Route(namespace, name)
	return route
}
