package dispatch

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/replica"
)

// accountKey is that of the fixture's account where its service keeps a connection.
const accountKey = "team/chat"

// fakePeers is a cluster of replicas of which one holds the account.
type fakePeers struct {
	mu      sync.Mutex
	holder  *fakePeer
	replies func([]byte) []byte // instead of those of the holder, if set
}

// fakePeer is one of its replicas.
type fakePeer struct {
	all    *fakePeers
	leave  func(gone func(key string) bool) <-chan struct{}
	answer map[string]replica.Handler
}

func (p *fakePeer) Holds(string) bool {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.all.holder == p
}

func (p *fakePeer) OnLeave(fn func(func(string) bool) <-chan struct{}) { p.leave = fn }

func (p *fakePeer) Handle(kind string, fn replica.Handler) { p.answer[kind] = fn }

func (p *fakePeer) AskOwner(ctx context.Context, _, kind string, question []byte) ([]byte, error) {
	p.all.mu.Lock()
	holder, replies := p.all.holder, p.all.replies
	p.all.mu.Unlock()
	switch {
	case replies != nil:
		return replies(question), nil
	case holder == nil || holder == p:
		return nil, queue.ErrNoOwner
	}
	return holder.answer[kind](ctx, question)
}

func (p *fakePeers) move(to *fakePeer) (from *fakePeer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, p.holder = p.holder, to
	return from
}

// startPeer runs a replica whose account's service keeps a connection.
func startPeer(t *testing.T, all *fakePeers, send func(ctx context.Context, m notify.Message) error) (*running, *fakePeer) {
	t.Helper()
	peer := &fakePeer{all: all, answer: map[string]replica.Handler{}}
	service := &fakeService{send: send}
	kept := service.service()
	kept.KeepsConnection = true
	r := &running{fixture: newFixture(kept, "#a"), queue: newFakeQueue(), service: service, record: &fakeRecorder{}}
	r.Dispatcher = New(Config{
		Queue:    r.queue,
		Resolver: NewTableResolver(r.Table),
		Pool: NewPool(PoolConfig{
			Services: map[string]notify.Service{"webhook": kept}, Holds: peer.Holds, Log: logr.Discard(),
		}),
		Peers:      peer,
		Record:     r.record,
		Log:        logr.Discard(),
		RetryLimit: retryLimit,
	})
	r.run(t)
	synctest.Wait()
	return r, peer
}

func held(id, key string) queue.Delivery {
	d := delivery(id, "#a")
	d.AccountKey = key
	return d
}

func TestADeliveryIsSentOnlyWithTheChannelsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		all := &fakePeers{}
		r, peer := startPeer(t, all, func(_ context.Context, m notify.Message) error {
			sent = append(sent, m.ID)
			return nil
		})
		all.move(peer)
		began := time.Now()
		often := held("often moved", "team/other")
		often.Reassignments = 3
		for _, d := range []queue.Delivery{held("with account", accountKey), held("without account", ""), often} {
			r.queue.lanes[queue.Healthy] <- d
			synctest.Wait()
		}
		moved := func(due time.Time) queue.Outcome {
			return queue.Outcome{Kind: queue.Reassigned, At: began, Due: due, AccountKey: accountKey, Destination: "team/chat/#a"}
		}
		want := map[string]queue.Outcome{
			"with account":    {Kind: queue.Delivered, At: began},
			"without account": moved(began),
			"often moved":     moved(began.Add(4 * retryBase)),
		}
		got := map[string]queue.Outcome{}
		for _, s := range r.queue.outcomes() {
			got[s.Delivery.ID] = s.Outcome
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"with account"}, sent); diff != "" {
			t.Errorf("sent (-want +got): %s", diff)
		}
		if n := len(r.record.attempts); n != 1 {
			t.Errorf("%d attempts are recorded, want the one that was made", n)
		}
	})
}

// TestAReplicaThatDoesNotHoldTheAccountDoesNotLogIn: the delivery was handed out just before the account
// went to another replica.
func TestAReplicaThatDoesNotHoldTheAccountDoesNotLogIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		r, _ := startPeer(t, all, func(context.Context, notify.Message) error { return nil })
		r.queue.lanes[queue.Healthy] <- held("late", accountKey)
		synctest.Wait()
		if opened, _ := r.service.counts(); opened != 0 {
			t.Error("a connection was made for an account that is another replica's")
		}
		if got := r.queue.outcomes(); len(got) != 1 || got[0].Outcome.Kind != queue.Reassigned || got[0].Outcome.AccountKey != accountKey {
			t.Errorf("it came to %+v, want it to be given back", got)
		}
	})
}

func TestAConnectionEndsWhenItsAccountIsNoLongerHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		speaking := make(chan struct{})
		r, peer := startPeer(t, all, func(context.Context, notify.Message) error { <-speaking; return nil })
		all.move(peer)
		r.queue.lanes[queue.Healthy] <- held("id1", accountKey)
		synctest.Wait()
		other := peer.leave(func(key string) bool { return key != accountKey })
		<-other
		if _, closed := r.service.counts(); closed != 0 {
			t.Fatal("a connection ended though another account was given up")
		}
		all.move(nil)
		quiet := peer.leave(func(key string) bool { return key == accountKey })
		synctest.Wait()
		select {
		case <-quiet:
			t.Fatal("quiet while an attempt is under way")
		default:
		}
		close(speaking)
		<-quiet
		if opened, closed := r.service.counts(); opened != 1 || closed != 1 {
			t.Errorf("%d connections opened, %d closed", opened, closed)
		}
	})
}

func TestATestMessageIsSentByTheReplicaThatHoldsTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		var texts []string
		asked, _ := startPeer(t, all, func(context.Context, notify.Message) error { return errors.New("wrong replica") })
		holder, peer := startPeer(t, all, func(_ context.Context, m notify.Message) error {
			texts = append(texts, m.Text)
			if len(texts) > 1 {
				return errors.New("no such channel for " + password)
			}
			return nil
		})
		time.AfterFunc(10*time.Second, func() { all.move(peer) }) // as after a crash
		if note, failure := asked.testRoute(t); failure != "" || note != "" {
			t.Fatal(note, failure)
		}
		if len(texts) != 1 || !strings.HasPrefix(texts[0], "[test] [Travis-CI]") {
			t.Errorf("the holder sent %q", texts)
		}
		if opened, _ := asked.service.counts(); opened != 0 {
			t.Error("the replica that was asked logged in, too")
		}
		if _, failure := asked.testRoute(t); failure != "no such channel for [redacted]" {
			t.Errorf("the service's refusal came back as %q", failure)
		}
		holder.tests.routes.Purge()
		holder.putRoute(nil, "#b") // its table differs for a while
		time.AfterFunc(time.Second, func() { holder.putRoute(nil, "#a") })
		if _, failure := asked.testRoute(t); !strings.Contains(failure, "no such channel") {
			t.Errorf("while the holder's table was outdated: %q", failure)
		}
	})
}

// TestReplicasTestARouteOnceInAWhile: whichever of them are asked.
func TestReplicasTestARouteOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		sent := 0
		send := func(context.Context, notify.Message) error { sent++; return nil }
		var replicas []*running
		for range 3 {
			r, peer := startPeer(t, all, send)
			replicas = append(replicas, r)
			all.move(peer)
		}
		route, _ := replicas[0].Table().Route("team", "r")
		for round := range 3 {
			for i, r := range replicas {
				_, err := r.SendTest(t.Context(), route)
				if tooSoon, ok := errors.AsType[*TooSoonError](err); (i > 0) != ok || ok && tooSoon.Wait > testInterval {
					t.Errorf("replica %d in round %d: %v", i, round, err)
				}
			}
			advance(testInterval)
		}
		if sent != 3 {
			t.Errorf("%d test messages in three intervals", sent)
		}
	})
}

func TestATestMessageWithoutAnOwnerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		r, _ := startPeer(t, all, func(context.Context, notify.Message) error { return nil })
		if _, failure := r.testRoute(t); !strings.Contains(failure, "no replica of the operator is logged in as account "+accountKey) {
			t.Errorf("got %q", failure)
		}
		all.replies = func([]byte) []byte { return []byte("nonsense") }
		if _, failure := r.testRoute(t); !strings.Contains(failure, "ask another replica") {
			t.Errorf("an invalid answer: %q", failure)
		}
	})
}

func TestAnInvalidRequestIsAnswered(t *testing.T) {
	r := &Dispatcher{}
	got, err := r.answerTest(t.Context(), []byte("nonsense"))
	if err != nil || !strings.Contains(string(got), "different versions") {
		t.Errorf("answered %s, %v", got, err)
	}
}

// TestAReplicaWithAnOutdatedTableDropsNothing: another replica stored an event for a channel that this
// replica's table does not have yet.
func TestAReplicaWithAnOutdatedTableDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		r, peer := startPeer(t, all, func(context.Context, notify.Message) error { return nil })
		all.move(peer)
		of := func(id string, age time.Duration, shared bool) queue.Delivery {
			d := delivery(id, "#new")
			d.Accepted = time.Now().Add(-age)
			if shared {
				d.LeaseLost = make(chan struct{})
			}
			return d
		}
		for _, d := range []queue.Delivery{of("young", 0, true), of("old", tableLag, true), of("alone", 0, false)} {
			r.queue.lanes[queue.Healthy] <- d
			synctest.Wait()
		}
		got := map[string]queue.Kind{}
		for _, s := range r.queue.outcomes() {
			got[s.Delivery.ID] = s.Outcome.Kind
		}
		want := map[string]queue.Kind{"young": queue.Retry, "old": queue.Dropped, "alone": queue.Dropped}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestADeliveryWithALostLeaseIsNotSent: the lease ran out before the attempt began.
func TestADeliveryWithALostLeaseIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := &fakePeers{}
		r, peer := startPeer(t, all, func(context.Context, notify.Message) error {
			t.Error("it was sent")
			return nil
		})
		all.move(peer)
		d := held("lost", accountKey)
		lost := make(chan struct{})
		close(lost)
		d.LeaseLost = lost
		r.queue.lanes[queue.Healthy] <- d
		synctest.Wait()
		if n := len(r.queue.outcomes()); n > 0 {
			t.Errorf("%d outcomes are stored of what was not tried", n)
		}
	})
}
