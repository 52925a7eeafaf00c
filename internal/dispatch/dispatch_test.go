package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/record"
	"github.com/travishook/travishook/internal/routing"
)

// advance moves the bubble's clock on, and waits until nothing more happens at that time.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestADeliveryBecomesAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got notify.Message
		r := start(t, func(_ context.Context, m notify.Message) error { got = m; return nil }, "#a")
		d := delivery("id1", "#a")
		r.queue.lanes[queue.Healthy] <- d
		synctest.Wait()
		if got.ID != "id1" || got.Address != "#a" || got.Route != "team/r" || !strings.HasPrefix(got.Text, "[Travis-CI] [example/example] build/123: passed") {
			t.Errorf("sent %+v", got)
		}
		want := []settlement{{d, queue.Outcome{Kind: queue.Delivered, At: time.Now()}}}
		if diff := cmp.Diff(want, r.queue.outcomes()); diff != "" {
			t.Error(diff)
		}
		if len(r.record.attempts) != 1 || r.record.attempts[0].Service != "webhook" || r.record.attempts[0].Reason != record.None {
			t.Errorf("recorded %+v", r.record.attempts)
		}
	})
}

func TestTheRoutesOwnTemplateIsUsed(t *testing.T) {
	tests := []struct{ template, want, failure string }{
		{"%{repository}: %{message}", "example/example: The build passed.", ""},
		{"%{nothing}", "[Travis-CI] [example/example] build/123: passed for push to main.", `line 1, column 1: there is no variable "nothing"`},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var got string
			r := start(t, func(_ context.Context, m notify.Message) error { got = m.Text; return nil })
			r.putRoute(&v1alpha1.MessageTemplate{Text: tt.template}, "#a")
			r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
			synctest.Wait()
			var failure string
			for _, err := range r.record.templates {
				failure += err.Error()
			}
			if got != tt.want || !strings.HasPrefix(failure, tt.failure) || failure != "" && tt.failure == "" {
				t.Errorf("sent %q (failure %q), want %q (%q)", got, failure, tt.want, tt.failure)
			}
		})
	}
}

func TestAChannelThatRecoversGetsItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := start(t, func(context.Context, notify.Message) error {
			if time.Since(began) < 5*time.Hour {
				return errors.New("connection refused")
			}
			return nil
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		advance(6 * time.Hour)
		all := r.queue.outcomes()
		if last := all[len(all)-1]; last.Outcome.Kind != queue.Delivered || last.Delivery.LastReason != "connection refused" {
			t.Errorf("the last of %d outcomes: %+v", len(all), last)
		}
	})
}

func TestAChannelThatStaysDownBecomesADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := start(t, func(context.Context, notify.Message) error { return errors.New("connection refused") }, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		advance(48 * time.Hour)
		all := r.queue.outcomes()
		last := all[len(all)-1].Outcome
		if last.Kind != queue.Dead || last.Reason != "retry limit of 24h0m0s reached: connection refused" {
			t.Errorf("the last outcome: %+v", last)
		}
		if !last.At.Equal(began.Add(24 * time.Hour)) {
			t.Errorf("the last attempt was %s after the first", last.At.Sub(began))
		}
	})
}

func TestAnAttemptThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(ctx context.Context, _ notify.Message) error {
			<-ctx.Done()
			return fmt.Errorf("post: %w", ctx.Err())
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		advance(attemptTimeout)
		if got := r.record.attempts; len(got) != 1 || got[0].Reason != record.TimedOut || got[0].Took != attemptTimeout {
			t.Errorf("recorded %+v", got)
		}
	})
}

// TestADestinationRestsForItsPace: after a burst, the store is told to wait for a second each time, so
// that no worker does.
func TestADestinationRestsForItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a", "#b")
		began := time.Now()
		for i := range paceBurst + 2 {
			r.queue.lanes[queue.Healthy] <- delivery(fmt.Sprint(i), "#a")
			synctest.Wait()
		}
		r.queue.lanes[queue.Healthy] <- delivery("b", "#b")
		synctest.Wait()
		all := r.queue.outcomes()
		for i, s := range all {
			var want time.Time
			switch i {
			case paceBurst - 1:
				want = began.Add(paceInterval)
			case paceBurst, paceBurst + 1: // taken although it rests, after a test message
				want = began.Add(time.Duration(i-paceBurst+2) * paceInterval)
			}
			if !s.Outcome.Rest.Equal(want) {
				t.Errorf("after message %d of %d, the destination rests until %s, want %s", i, len(all), s.Outcome.Rest, want)
			}
		}
	})
}

// TestAMissingAccountDoesNotUseTheSharedDestination: retries for a missing account do not delay other
// namespaces that send to the destination.
func TestAMissingAccountDoesNotUseTheSharedDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a")
		r.DeleteSecret(credential)
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		if got := r.queue.outcomes()[0].Outcome; got.Kind != queue.Reassigned || got.AccountKey != "" || got.Destination != "" {
			t.Errorf("got %+v, want it to be reassigned to no destination", got)
		}
		onItsOwn := delivery("id2", "#a")
		onItsOwn.Destination = ""
		r.queue.lanes[queue.Healthy] <- onItsOwn
		synctest.Wait()
		if got := r.queue.outcomes()[1].Outcome; got.Kind != queue.Retry || !got.Credential || !got.Rest.IsZero() {
			t.Errorf("got %+v, want a retry for want of a credential", got)
		}
		r.putPassword(password)
		r.queue.lanes[queue.Healthy] <- onItsOwn
		synctest.Wait()
		if got := r.queue.outcomes()[2].Outcome; got.Kind != queue.Reassigned || got.Destination != "team/chat/#a" {
			t.Errorf("got %+v, want it to be reassigned to its destination", got)
		}
	})
}

func TestStoppingFinishesTheAttemptsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(ctx context.Context, m notify.Message) error {
			if m.Address == "#slow" {
				<-time.After(drainTime / 2)
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, "#slow", "#hung")
		r.queue.lanes[queue.Healthy] <- delivery("slow", "#slow")
		r.queue.lanes[queue.Healthy] <- delivery("hung", "#hung")
		synctest.Wait()
		if err := r.end(); err != nil {
			t.Error(err)
		}
		all := r.queue.outcomes()
		if len(all) != 1 || all[0].Delivery.ID != "slow" || all[0].Outcome.Kind != queue.Delivered {
			t.Errorf("settled %+v; what hung must stay unsettled", all)
		}
		if opened, closed := r.service.counts(); opened != 1 || closed != 1 {
			t.Errorf("%d notifiers opened, %d closed", opened, closed)
		}
	})
}

func TestAServiceThatIgnoresItsContextDoesNotBlockTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error {
			<-time.After(time.Hour)
			return nil
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		if err := r.end(); !errors.Is(err, errUnfinished) {
			t.Errorf("got %v", err)
		}
		advance(time.Hour) // so that the goroutine ends with the test
	})
}

func TestSettlingIsRetriedUntilTheStoreHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent, refused atomic.Int64
		r := start(t, func(context.Context, notify.Message) error { sent.Add(1); return nil }, "#a", "#b")
		r.queue.refuse = func(id string) error {
			if id == "a" && refused.Add(1) < 5 {
				return queue.ErrUnavailable
			}
			return nil
		}
		r.queue.lanes[queue.Healthy] <- delivery("a", "#a")
		synctest.Wait()
		r.queue.lanes[queue.Healthy] <- delivery("b", "#b")
		synctest.Wait()
		if got := r.queue.outcomes(); len(got) != 1 || got[0].Delivery.ID != "b" {
			t.Errorf("another channel did not go on meanwhile: %+v", got)
		}
		advance(time.Minute)
		if got := r.queue.outcomes(); len(got) != 2 || sent.Load() != 2 {
			t.Errorf("%d settled, %d sent", len(got), sent.Load())
		}
	})
}

func TestAPanickingServiceAffectsNoOtherChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(_ context.Context, m notify.Message) error {
			if m.Address == "#a" {
				panic("oops")
			}
			return nil
		}, "#a", "#b")
		r.queue.lanes[queue.Healthy] <- delivery("a", "#a")
		synctest.Wait()
		r.queue.lanes[queue.Healthy] <- delivery("b", "#b")
		synctest.Wait()
		all := r.queue.outcomes()
		if len(all) < 2 || all[0].Outcome.Kind != queue.Retry || all[len(all)-1].Outcome.Kind != queue.Delivered {
			t.Errorf("got %+v", all)
		}
	})
}

func TestReasonsHoldNoSecretAndOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error {
			return notify.Permanent(errors.New("login ci:" + password + "@chat\nrefused: " + strings.Repeat("é", 1000)))
		}, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		o := r.queue.outcomes()[0].Outcome
		if o.Kind != queue.Dead || !strings.HasPrefix(o.Reason, "login ci:[redacted]@chat refused: é") || len([]rune(o.Reason)) != maxReason {
			t.Errorf("%s, %q", o.Kind, o.Reason)
		}
	})
}

func TestAFixedAccountWakesItsDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a")
		r.DeleteSecret(credential)
		r.TableChanged(r.Table())
		waiting := delivery("id1", "#a")
		waiting.Destination = ""
		r.queue.lanes[queue.Healthy] <- waiting
		synctest.Wait()
		got := r.queue.outcomes()[0].Outcome
		if got.Kind != queue.Retry || !got.Credential || !strings.Contains(got.Reason, `Secret "chat"`) {
			t.Errorf("got %+v", got)
		}
		if r.queue.changes[0](target("#a")) != queue.Unchanged {
			t.Error("woken without a credential")
		}

		r.queue.mu.Lock()
		r.queue.wakeFirst = queue.ErrUnavailable // it is tried again
		r.queue.mu.Unlock()
		r.putPassword(password)
		r.TableChanged(r.Table())
		advance(wakeInterval + time.Second)
		if len(r.queue.changes) != 2 || r.queue.changes[1](target("#a")) != queue.Fixed {
			t.Error("not woken when the credential appeared")
		}
	})
}

func TestAChangedCredentialMakesANewNotifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a")
		r.TableChanged(r.Table())
		r.queue.lanes[queue.Healthy] <- delivery("1", "#a")
		synctest.Wait()
		r.putPassword("another-password")
		r.TableChanged(r.Table())
		advance(wakeInterval)
		if opened, closed := r.service.counts(); opened != 1 || closed != 1 {
			t.Errorf("after the change: %d opened, %d closed", opened, closed)
		}
		r.queue.lanes[queue.Healthy] <- delivery("2", "#a")
		synctest.Wait()
		if opened, closed := r.service.counts(); opened != 2 || closed != 1 {
			t.Errorf("after the next message: %d opened, %d closed", opened, closed)
		}
	})
}

func TestChangeBetween(t *testing.T) {
	table := func(change func(fixture)) *routing.Table {
		w := newFixture((&fakeService{}).service(), "#a")
		change(w)
		return w.Table()
	}
	one := table(func(fixture) {})
	other := table(func(w fixture) { w.putPassword("another-password") })
	none := table(func(w fixture) { w.DeleteSecret(credential) })
	forbidden := table(func(w fixture) { w.putAccount("team", []v1alpha1.Glob{"#b"}) })
	tests := []struct {
		name          string
		before, after *routing.Table
		want          bool
	}{
		{"after a start", nil, one, true},
		{"after a start, missing", nil, none, false},
		{"nothing changed", one, one, false},
		{"another credential", one, other, true},
		{"appeared", none, one, true},
		{"went away", one, none, false},
		{"allowed by now", forbidden, one, true},
		{"no longer allowed", one, forbidden, false},
	}
	for _, tt := range tests {
		if got := changeBetween(tt.before, tt.after)(target("#a")); (got == queue.Fixed) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestAnotherDefaultAccountReplacesTheDestination: deliveries must not keep waiting for the old account.
func TestAnotherDefaultAccountReplacesTheDestination(t *testing.T) {
	service := (&fakeService{}).service()
	service.Address = func(_ json.RawMessage, _ notify.Credential, address string) (string, error) { return address, nil }
	f := newFixture(service)
	table := func(account string) *routing.Table {
		d := &v1alpha1.TravisDefaults{}
		d.Namespace, d.Name, d.Spec.Account = "team", v1alpha1.DefaultsName, account
		for _, name := range []string{"first", "second"} {
			d.Spec.Accounts = append(d.Spec.Accounts, v1alpha1.Account{
				Name: name, Webhook: &v1alpha1.WebhookAccount{SecretRef: v1alpha1.SecretReference{Name: "chat"}},
			})
		}
		f.PutDefaults(d)
		r := &v1alpha1.TravisRoute{}
		r.Namespace, r.Name, r.UID = "team", "r", "uid"
		r.Spec.Repository, r.Spec.Channels = "example/example", []v1alpha1.Channel{{Address: "#a"}}
		f.PutRoute(r)
		return f.Table()
	}
	before := table("first")
	route, _ := before.Route("team", "r")
	stored := route.Targets[0]
	after := table("second")
	if got := changeBetween(before, after)(stored); got != queue.Replaced {
		t.Errorf("the change is %v, want Replaced", got)
	}
	resolved, err := NewTableResolver(f.Table).Resolve(stored)
	if err != nil || resolved.Account.Name != "second" {
		t.Errorf("resolved to %+v, %v, want the new default account", resolved.Account, err)
	}
}
