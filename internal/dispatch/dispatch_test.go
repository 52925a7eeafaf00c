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
			if got != tt.want || failure != tt.failure {
				t.Errorf("sent %q (failure %q), want %q (%q)", got, failure, tt.want, tt.failure)
			}
		})
	}
}

func TestARoomThatComesBackGetsItsMessage(t *testing.T) {
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

func TestARoomThatStaysDeadGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := start(t, func(context.Context, notify.Message) error { return errors.New("connection refused") }, "#a")
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		advance(48 * time.Hour)
		all := r.queue.outcomes()
		last := all[len(all)-1].Outcome
		if last.Kind != queue.Dead || last.Reason != "gave up after 24h0m0s: connection refused" {
			t.Errorf("the last outcome: %+v", last)
		}
		if !last.At.Equal(began.Add(24 * time.Hour)) {
			t.Errorf("the last attempt was %s after the first", last.At.Sub(began))
		}
	})
}

// TestDeadRoomsDoNotTakeALiveOnesPlace has a thousand rooms hang: in the lane of those that fail,
// and in the lane of those that were well until now.
func TestDeadRoomsDoNotTakeALiveOnesPlace(t *testing.T) {
	for lane, most := range map[queue.Lane]time.Duration{queue.Probation: 0, queue.Healthy: slowAfter} {
		t.Run(fmt.Sprint(lane), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testDeadRooms(t, lane, most) })
		})
	}
}

func testDeadRooms(t *testing.T, lane queue.Lane, most time.Duration) {
	var channels []string
	for i := range 1000 {
		channels = append(channels, fmt.Sprintf("#dead%d", i))
	}
	began, arrived := time.Now(), time.Duration(-1)
	r := start(t, func(ctx context.Context, m notify.Message) error {
		if m.Address != "#live" {
			<-ctx.Done()
			return ctx.Err()
		}
		arrived = time.Since(began)
		return nil
	}, append(channels, "#live")...)
	for i, c := range channels {
		r.queue.lanes[lane] <- delivery(fmt.Sprint(i), c)
	}
	r.queue.lanes[queue.Healthy] <- delivery("live", "#live")
	advance(time.Hour)
	if arrived < 0 || arrived > most {
		t.Errorf("the live room's message arrived after %s, not within %s", arrived, most)
	}
	tried := map[string]bool{}
	for _, s := range r.queue.outcomes() {
		tried[s.Delivery.Target.Channel] = true
	}
	if len(tried) != 1001 {
		t.Errorf("%d of 1001 channels had their turn", len(tried))
	}
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

func TestAChannelIsPacedAndNoOtherWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		at := map[string][]time.Duration{}
		r := start(t, func(_ context.Context, m notify.Message) error {
			mu.Lock()
			defer mu.Unlock()
			at[m.Address] = append(at[m.Address], time.Since(began))
			return nil
		}, "#flood", "#calm")
		for i := range healthyAttempts * 2 { // more than there are places
			r.queue.lanes[queue.Healthy] <- delivery(fmt.Sprint(i), "#flood")
		}
		r.queue.lanes[queue.Healthy] <- delivery("calm", "#calm")
		advance(paceInterval * healthyAttempts * 2)
		mu.Lock()
		defer mu.Unlock()
		if len(at["#calm"]) != 1 || at["#calm"][0] != 0 {
			t.Errorf("the other channel was written to at %v", at["#calm"])
		}
		flood := at["#flood"]
		if len(flood) != healthyAttempts*2 || flood[paceBurst-1] != 0 || flood[paceBurst] != paceInterval || flood[paceBurst+9] != 10*paceInterval {
			t.Errorf("%d messages, the first at %v", len(flood), flood[:min(len(flood), 30)])
		}
	})
}

func TestStoppingFinishesWhatIsUnderWay(t *testing.T) {
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

func TestAServiceThatIgnoresTheEndDoesNotHoldItUp(t *testing.T) {
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

func TestSettlingGoesOnUntilTheStoreHasIt(t *testing.T) {
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

func TestAPanickingServiceHurtsNobodyElse(t *testing.T) {
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

func TestAMendedAccountHealsItsDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(context.Context, notify.Message) error { return nil }, "#a")
		r.DeleteSecret(credential)
		r.TableChanged(r.Table())
		r.queue.lanes[queue.Healthy] <- delivery("id1", "#a")
		synctest.Wait()
		got := r.queue.outcomes()[0].Outcome
		if got.Kind != queue.Retry || !got.Credential || !strings.Contains(got.Reason, `Secret "room"`) {
			t.Errorf("got %+v", got)
		}
		if r.queue.heals[0](target("#a")) != queue.Unchanged {
			t.Error("healed without a credential")
		}

		r.queue.mu.Lock()
		r.queue.wakeFirst = queue.ErrUnavailable // it is tried again
		r.queue.mu.Unlock()
		r.putPassword(password)
		r.TableChanged(r.Table())
		advance(time.Second)
		if len(r.queue.heals) != 2 || r.queue.heals[1](target("#a")) != queue.Fixed {
			t.Error("not healed when the credential appeared")
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
		synctest.Wait()
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

func TestHeals(t *testing.T) {
	table := func(change func(world)) *routing.Table {
		w := newWorld((&fakeService{}).service(), "#a")
		change(w)
		return w.Table()
	}
	one := table(func(world) {})
	other := table(func(w world) { w.putPassword("another-password") })
	none := table(func(w world) { w.DeleteSecret(credential) })
	forbidden := table(func(w world) { w.putAccount("team", []v1alpha1.Glob{"#b"}) })
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
		if got := heals(tt.before, tt.after)(target("#a")); (got == queue.Fixed) != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
