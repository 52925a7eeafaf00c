package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/trail"
	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/queue/replica"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
)

// twoReplicas is two replicas that share a store and a routing table.
type twoReplicas struct {
	*testOperator
	trails   [2]*trail.Trail
	keepers  [2]*trail.Keeper
	handlers [2]replica.Single
	current  int
	away     bool // the other one does not answer
}

func newTwoReplicas(t *testing.T) *twoReplicas {
	p := &twoReplicas{testOperator: newOperator(t)}
	p.replicas = p
	for i := range p.trails {
		p.trails[i] = trail.New(time.Now(), p.declared)
		p.trails[i].Handle(p.handlers[i].Handle)
		p.keepers[i] = trail.NewKeeper(p.trails[i], p.store, time.Now, logr.Discard())
	}
	p.on(0)
	return p
}

// on has the replica receive, send and answer from now on.
func (p *twoReplicas) on(replica int) {
	p.current = replica
	p.use(p.trails[replica], p.keepers[replica])
}

// AskAll implements trail.Replicas.
func (p *twoReplicas) AskAll(ctx context.Context, kind string, payload []byte) []replica.Reply {
	replies := p.handlers[p.current].AskAll(ctx, kind, payload)
	if p.away {
		return append(replies, replica.Reply{Err: errors.New("no answer")})
	}
	return append(replies, p.handlers[1-p.current].AskAll(ctx, kind, payload)...)
}

func (p *twoReplicas) whyOn(replica int, query url.Values) deliveryapi.Why {
	p.on(replica)
	query.Set("namespace", team)
	query.Set("repository", slug)
	why := p.why(query.Encode())
	why.Since = time.Time{}
	return why
}

// Whichever replica received, sent and answers: the answer is the same.
func TestEveryReplicaAnswersTheSame(t *testing.T) {
	for name, run := range map[string]func(*twoReplicas){
		"received by the one, sent by the other": func(p *twoReplicas) {
			p.post(broken)
			p.on(1)
			p.attempt(queue.Outcome{Kind: queue.Retry, Due: time.Now(), Reason: "connection refused"})
			p.on(0)
			p.retry(queue.Outcome{Kind: queue.Delivered})
		},
		"rejected by the one": func(p *twoReplicas) { p.post(broken, at("/travis/0123")) },
		"not matched":         func(p *twoReplicas) { p.post(travistest.Build{Number: "8", Result: travis.Passed}) },
		"one webhook by each": func(p *twoReplicas) {
			p.post(broken)
			p.on(1)
			p.post(travistest.Build{ID: 8, Number: "8", Result: travis.Errored})
		},
		"dead, on the other": func(p *twoReplicas) {
			p.post(broken)
			p.on(1)
			p.attempt(queue.Outcome{Kind: queue.Dead, Reason: "no such room"})
		},
		"saved, and then more": func(p *twoReplicas) {
			p.post(broken)
			p.save()
			p.on(1)
			p.attempt(queue.Outcome{Kind: queue.Delivered})
			p.save()
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTwoReplicas(t)
			p.setUp(failures)
			run(p)
			for _, query := range []url.Values{{}, {"build": {"7"}}, {"since": {"24h"}}} {
				first, second := p.whyOn(0, query), p.whyOn(1, query)
				if diff := cmp.Diff(first, second); diff != "" {
					t.Errorf("%v (-first +second)\n%s", query, diff)
				}
				if len(first.Webhooks)+len(first.Facts) == 0 {
					t.Errorf("%v: nothing is known", query)
				}
			}
		})
	}
}

// interruptedQuestion does something while a question is answered, after the records were read.
type interruptedQuestion struct {
	replica.Single
	do func()
}

func (m *interruptedQuestion) AskAll(ctx context.Context, kind string, payload []byte) []replica.Reply {
	replies := m.Single.AskAll(ctx, kind, payload)
	if m.do != nil {
		m.do()
	}
	return replies
}

// A delivery is in the store until it has ended, and in the records from then on.
func TestADeliveryThatEndsWhileSomebodyAsksIsShown(t *testing.T) {
	r := newOperator(t)
	m := &interruptedQuestion{}
	r.replicas = m
	r.restart()
	r.trail.Handle(m.Handle)
	r.setUp(failures)
	r.post(broken)
	m.do = func() { r.attempt(queue.Outcome{Kind: queue.Delivered}); m.do = nil }
	why := r.why(url.Values{"repository": {slug}}.Encode())
	if len(why.Webhooks) != 1 || len(why.Webhooks[0].Deliveries) != 1 || len(why.Facts) != 1 || why.Facts[0].Cause == deliveryapi.CauseForgotten {
		t.Errorf("got %+v with findings %+v", why.Webhooks, why.Facts)
	}
}

func (p *twoReplicas) save() {
	p.Helper()
	for _, k := range p.keepers {
		if err := k.Save(p.Context()); err != nil {
			p.Fatal(err)
		}
	}
}

// A replica that does not answer is counted, and what it saved is known all the same.
func TestAMissingReplicaIsCounted(t *testing.T) {
	p := newTwoReplicas(t)
	p.setUp(failures)
	p.post(broken)
	p.attempt(queue.Outcome{Kind: queue.Delivered})
	p.save()
	p.away = true
	why := p.whyOn(1, url.Values{})
	if why.Missing != 1 || len(why.Webhooks) != 1 || len(why.Webhooks[0].Deliveries) != 1 || why.Facts[0].Cause != deliveryapi.CauseDelivered {
		t.Errorf("got %+v", why)
	}
}

// What was saved survives the restart of all replicas, attempts and verdicts included.
func TestRecordsSurviveARestart(t *testing.T) {
	r := newOperator(t)
	r.setUp(failures)
	r.post(broken)
	r.attempt(queue.Outcome{Kind: queue.Delivered})
	r.post(travistest.Build{ID: 8, Number: "8", Result: travis.Passed})
	r.post(broken, at("/travis/0123"))
	before := r.why("namespace=team-a&repository=" + slug)
	if err := r.keeper.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.restart()
	after := r.why("namespace=team-a&repository=" + slug)
	// The rejected webhook, the newest, is only counted: strangers must not fill the disk.
	before.Webhooks = before.Webhooks[1:]
	if diff := cmp.Diff(before.Webhooks, after.Webhooks); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	if !after.Since.Equal(before.Since) {
		t.Errorf("known since %s, before the restart %s", after.Since, before.Since)
	}
}

func TestCountsOverASpan(t *testing.T) {
	r := newOperator(t)
	r.setUp(failures)
	post := func(id int64, outcomes ...queue.Outcome) {
		r.post(travistest.Build{ID: id, Number: "7", Result: travis.Broken, Branch: fmt.Sprint("branch-", id)})
		for i, o := range outcomes {
			if i == 0 {
				r.attempt(o)
			} else {
				r.retry(o)
			}
		}
	}
	post(1, queue.Outcome{Kind: queue.Delivered})
	post(2, queue.Outcome{Kind: queue.Retry, Due: time.Now(), Reason: "connection refused"}, queue.Outcome{Kind: queue.Delivered})
	if err := r.keeper.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.restart()
	post(3, queue.Outcome{Kind: queue.Dropped, Reason: "route deleted"})
	post(4, queue.Outcome{Kind: queue.Dead, Reason: "there is no such room"})
	post(5) // waits, and counts as matched
	r.post(broken, at("/travis/0123"))

	r.grant("bob get team-b ")
	r.route("team-b", "theirs")
	want := &deliveryapi.Counts{
		Channels: []deliveryapi.ChannelCount{{
			Namespace: team, Route: "builds", Account: "chat", Address: "#builds", Matched: 5, Delivered: 2, Failed: 1, Dead: 1, Dropped: 1,
			Reasons: map[string]int{"connection refused": 1, "route deleted": 1, "there is no such room": 1},
		}},
		Rejected: map[string]int{"wrong_proof": 1},
	}
	got := r.why("since=168h&repository=" + slug).Counts
	if got == nil || time.Since(got.From) < 167*time.Hour {
		t.Fatalf("got %+v", got)
	}
	got.From = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if theirs := r.whyAs("bob", "since=168h&namespace=team-b&repository="+slug).Counts; theirs == nil || len(theirs.Channels) != 0 || len(theirs.Rejected) != 0 {
		t.Errorf("another namespace is told %+v", theirs)
	}
	if code, says := r.refused("ann", http.MethodGet, deliveryapi.PathWhy+"?since=soon&repository="+slug, nil); code != http.StatusBadRequest {
		t.Errorf("status code %d %s", code, says)
	}
}
