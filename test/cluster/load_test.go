package cluster_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/travis/travistest"
)

const (
	interval     = 250 * time.Millisecond // between two webhooks
	repositories = 8                      // in turn, because a channel takes one message a second in the long run
	steady       = 12                     // so many accepted in a row are the end of a gap
	patience     = 3 * time.Minute        // for a gap to end, and for deliveries
)

// sink is the webhook channel: it records the builds that it receives, by their id.
type sink struct {
	mu     sync.Mutex
	builds map[int64]int
}

func (s *sink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Build struct {
			ID int64 `json:"id"`
		} `json:"build"`
	}
	if json.NewDecoder(r.Body).Decode(&message) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builds[message.Build.ID]++
}

func (s *sink) received(id int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.builds[id]
}

// answer is what became of one webhook.
type answer struct {
	id   int64
	at   time.Time
	took time.Duration
	what string // "202", or the reason why not
}

func (a answer) accepted() bool { return a.what == "202" }

// load posts webhooks at a steady rate, each on a connection of its own, as Travis does.
type load struct {
	env     *environment
	stop    context.CancelFunc
	done    sync.WaitGroup
	mu      sync.Mutex
	answers []answer
}

var builds atomic.Int64 // ids, which the store remembers

// start posts until finish.
func (env *environment) start(ctx context.Context) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{env: env, stop: stop}
	l.done.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			l.done.Go(func() { l.post(context.WithoutCancel(ctx)) })
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return l
}

func (l *load) post(ctx context.Context) {
	a := l.env.post(ctx, l.env.url+"/travis", "load/r"+strconv.FormatInt(builds.Load()%repositories, 10))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
}

// post sends one webhook of a new build.
func (env *environment) post(ctx context.Context, url, repository string) answer {
	a := answer{id: builds.Add(1), at: time.Now()}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: env.nginx.Roots, MinVersion: tls.VersionTLS12},
	}}
	build := travistest.Build{Repository: repository, ID: a.id, Number: strconv.FormatInt(a.id, 10)}
	response, err := client.Do(travistest.Request(ctx, url, build, travistest.Key()))
	a.took = time.Since(a.at)
	if err != nil {
		a.what = err.Error()
		return a
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 100)) // only shown
	a.what = strconv.Itoa(response.StatusCode)
	if !a.accepted() {
		text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
		a.what += " " + text
	}
	return a
}

// recovered waits until the last webhooks were all accepted: the first of them after the call.
func (l *load) recovered(t *testing.T) {
	t.Helper()
	since := time.Now()
	eventually(t, "webhooks are accepted again", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		late := slices.DeleteFunc(slices.Clone(l.answers), func(a answer) bool { return a.at.Before(since) })
		if len(late) < steady {
			return fmt.Errorf("%d webhooks so far", len(late))
		}
		slices.SortFunc(late, func(a, b answer) int { return a.at.Compare(b.at) })
		for _, a := range late[len(late)-steady:] {
			if !a.accepted() {
				return fmt.Errorf("answered %s", a.what)
			}
		}
		return nil
	})
}

// verdict is what a load came to.
type verdict struct {
	Posted, Refused, Lost, Repeated int
	Gap                             time.Duration // from the first refused webhook to the first accepted after the last refused
	Slowest                         time.Duration // of the accepted
	Reasons                         map[string]int
}

// finish stops the load, waits for the deliveries of what was accepted, and compares.
func (l *load) finish(t *testing.T) verdict {
	t.Helper()
	l.stop()
	l.done.Wait()
	missing := func() (missing []int64) {
		for _, a := range l.answers {
			if a.accepted() && l.env.sink.received(a.id) == 0 {
				missing = append(missing, a.id)
			}
		}
		return missing
	}
	deadline := time.Now().Add(patience)
	for again := time.NewTicker(100 * time.Millisecond); len(missing()) > 0 && time.Now().Before(deadline); {
		<-again.C
	}
	v := verdict{Posted: len(l.answers), Lost: len(missing()), Reasons: map[string]int{}}
	slices.SortFunc(l.answers, func(a, b answer) int { return a.at.Compare(b.at) })
	var first, end time.Time
	for _, a := range l.answers {
		switch {
		case !a.accepted():
			v.Refused++
			v.Reasons[a.what]++
			end = time.Time{}
			if first.IsZero() {
				first = a.at
			}
		default:
			v.Slowest = max(v.Slowest, a.took)
			v.Repeated += max(0, l.env.sink.received(a.id)-1)
			if end.IsZero() {
				end = a.at
			}
		}
	}
	if v.Refused > 0 {
		v.Gap = end.Sub(first)
	}
	return v
}

func (v verdict) String() string {
	text := fmt.Sprintf("%d posted, %d refused, gap %.1f s, lost %d, repeated %d, slowest answer %.1f s",
		v.Posted, v.Refused, v.Gap.Seconds(), v.Lost, v.Repeated, v.Slowest.Seconds())
	for _, reason := range slices.Sorted(maps.Keys(v.Reasons)) {
		text += fmt.Sprintf("\n    %d × %s", v.Reasons[reason], reason)
	}
	return text
}
