package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/cluster"
	"github.com/travishook/travishook/internal/queue/queuetest"
	"github.com/travishook/travishook/internal/travis"
)

// TestAFailureThatComesTooLateIsDropped: another replica attempts for itself by then.
func TestAFailureThatComesTooLateIsDropped(t *testing.T) {
	for _, kind := range []queue.Kind{queue.Retry, queue.Dead} {
		t.Run(string(kind), func(t *testing.T) {
			simulate(t, func(s *simulated) {
				a, b, delivery := s.takeTwice()
				s.settle(a, delivery, kind)
				kept := b.Deliveries(queue.Query{})
				if len(kept) != 1 || kept[0].State != queue.Sending || kept[0].Last.Reason != "" {
					s.Errorf("kept %+v, want it under way at the other replica", kept)
				}
			})
		})
	}
}

// TestASuccessThatComesTooLateIsStored: whatever the other replica has said of the delivery meanwhile, the
// message is not sent again.
func TestASuccessThatComesTooLateIsStored(t *testing.T) {
	for _, before := range []queue.Kind{"", queue.Retry, queue.Dead, queue.Delivered} {
		t.Run("after "+string(before), func(t *testing.T) {
			simulate(t, func(s *simulated) {
				a, b, delivery := s.takeTwice()
				if before != "" {
					s.settle(b, delivery, before)
				}
				s.settle(a, delivery, queue.Delivered)
				if kept := b.Deliveries(queue.Query{}); len(kept) != 0 {
					s.Errorf("kept %+v after it was delivered", kept)
				}
			})
		})
	}
}

// TestBothMessagesOfALateSuccessAreKnown: whichever outcome is stored first, a later state of the build updates
// both messages.
func TestBothMessagesOfALateSuccessAreKnown(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late %v", late), func(t *testing.T) {
			simulate(t, func(s *simulated) {
				a, b, delivery := s.takeTwice()
				first, second := b, a
				if !late {
					first, second = a, b
				}
				s.post(first, delivery, "first")
				s.post(second, delivery, "second")
				restarted := queuetest.Event(1, travis.Broken)
				restarted.Build.Started = restarted.Build.Started.Add(time.Hour)
				s.acceptEvent(b, restarted, "#a")
				want := &queue.Shown{Handle: "first", Copies: []string{"second"}}
				if diff := cmp.Diff(want, s.takeFromAny(a, b).Shown); diff != "" {
					s.Errorf("the messages of the build (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// takeFromAny takes a delivery from the replica that owns its shard.
func (s *simulated) takeFromAny(replicas ...*cluster.Replica) queue.Delivery {
	s.Helper()
	for _, r := range replicas {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		d, err := r.Take(ctx, queue.Healthy)
		cancel()
		if err == nil {
			return d
		}
	}
	s.Fatal("no replica hands the delivery out")
	return queue.Delivery{}
}

// post settles a delivery as shown by a message.
func (s *simulated) post(r *cluster.Replica, delivery, handle string) {
	s.Helper()
	o := queue.Outcome{Kind: queue.Delivered, At: time.Now(), Posted: &queue.Posted{Handle: handle, Until: time.Now().Add(time.Hour)}}
	if err := r.Settle(s.Context(), delivery, o); err != nil {
		s.Fatal(err)
	}
	s.pass(time.Second)
}

// takeTwice has replica a lose the lease of a delivery that it has taken, and replica b take it.
func (s *simulated) takeTwice() (a, b *cluster.Replica, delivery string) {
	s.Helper()
	a = s.join("a")
	s.accept(a, 1, "#a")
	first, err := a.Take(s.Context(), queue.Healthy)
	if err != nil {
		s.Fatal(err)
	}
	s.leases.Fail(errors.New("no answer"))
	<-first.LeaseLost
	s.leases.Fail(nil)
	b = s.join("b")
	again, err := b.Take(s.Context(), queue.Healthy)
	if err != nil || again.ID != first.ID || again.Attempt != 1 {
		s.Fatalf("%+v, %v; want the delivery that the other lost", again, err)
	}
	return a, b, first.ID
}

// settle settles a delivery, to be retried after an hour if it is, and waits until all replicas know it.
func (s *simulated) settle(r *cluster.Replica, delivery string, kind queue.Kind) {
	s.Helper()
	o := queue.Outcome{Kind: kind, At: time.Now(), Reason: "late"}
	if kind == queue.Retry {
		o.Due = time.Now().Add(time.Hour)
	}
	if err := r.Settle(s.Context(), delivery, o); err != nil {
		s.Fatal(err)
	}
	s.pass(time.Second)
}
