package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/soak/victim"
)

const (
	// posters are how many webhooks are under way at a time.
	posters = 16
	// mostBacklog bounds what waits for a channel: a channel takes a score of messages at once, and then
	// one a second.
	mostBacklog = 12
	// answerTimeout bounds a webhook: the receiver answers or gives up long before.
	answerTimeout = time.Minute
)

// load posts webhooks as Travis does, except that it repeats a webhook without an answer, or with a 503, until
// it is answered, so that in the end every event is promised.
type load struct {
	tenants victim.Tenants
	ledger  *ledger
	url     func(context.Context) (string, error) // of the receiver, once there is one
	limiter *rate.Limiter
	builds  atomic.Int64
}

// run posts until posting ends; it gives up what has no answer when ctx does.
func (l *load) run(ctx, posting context.Context) {
	var running sync.WaitGroup
	for p := range posters {
		running.Go(func() {
			var teams []*team
			for i := p; i < l.tenants.Teams; i += posters {
				teams = append(teams, &team{number: i})
			}
			l.post(ctx, posting, teams)
		})
	}
	running.Wait()
}

func (l *load) post(ctx, posting context.Context, teams []*team) {
	client := &http.Client{Transport: &http.Transport{IdleConnTimeout: time.Second}, Timeout: answerTimeout}
	defer client.CloseIdleConnections()
	for l.limiter.Wait(posting) == nil {
		t := teams[rand.IntN(len(teams))]
		if l.ledger.backlog(t.number) >= mostBacklog {
			continue
		}
		build, place := t.next(&l.builds)
		build.Repository, build.RepositoryID = l.tenants.Repository(t.number), int64(t.number)+1
		e := l.ledger.post(t.number, build.ID, place)
		build.Number = strconv.Itoa(e.serial) // what it is known by in the channels and in the store
		if !l.insist(ctx, client, build, e) {
			return
		}
	}
}

// insist posts an event until it is answered; false when ctx ended before.
func (l *load) insist(ctx context.Context, client *http.Client, b travistest.Build, e *event) bool {
	for unsure := false; ; {
		url, err := l.url(ctx)
		if err != nil {
			return false
		}
		status, err := send(ctx, client, url, b)
		l.ledger.count(func(c *counts) { c.Posts++ })
		switch {
		case err != nil:
			unsure = true
			l.ledger.count(func(c *counts) { c.Unanswered++ })
		case status == http.StatusServiceUnavailable:
			unsure = true // the store may have stored it, and not known in time
			l.ledger.count(func(c *counts) { c.Unavailable++ })
		case status == http.StatusAccepted:
			l.ledger.promise(e)
			l.ledger.count(func(c *counts) { c.Stored++ })
			return true
		case status == http.StatusNoContent && unsure:
			l.ledger.promise(e)
			l.ledger.count(func(c *counts) { c.Seen++ })
			return true
		default:
			l.ledger.fault("event %d was answered %d", e.serial, status)
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func send(ctx context.Context, client *http.Client, url string, b travistest.Build) (int, error) {
	answer, err := client.Do(travistest.Request(ctx, url, b, travistest.Key()))
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// team has builds, one after the other: most have one event, some have a start and an end, some are
// restarted.
type team struct {
	number int
	build  travistest.Build
	place  int
	states []travis.Result // still to come
}

var lives = [][]travis.Result{
	{travis.Passed},
	{travis.Passed},
	{travis.Broken},
	{travis.Pending, travis.Passed},
	{travis.Pending, travis.Failed, travis.Pending, travis.Fixed},
}

// next returns the next event of the team's repository.
func (t *team) next(builds *atomic.Int64) (travistest.Build, int) {
	now := time.Now().UTC().Truncate(time.Second)
	if len(t.states) == 0 {
		id := builds.Add(1)
		t.build = travistest.Build{ID: id, Started: now.Add(-time.Hour)}
		t.states, t.place = lives[rand.IntN(len(lives))], -1
	}
	t.build.Result, t.states = t.states[0], t.states[1:]
	t.place++
	// A restarted build has another start.
	t.build.Started = t.build.Started.Add(time.Second)
	t.build.Finished = t.build.Started.Add(time.Minute)
	return t.build, t.place
}
