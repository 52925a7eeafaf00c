package record

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/travis"
)

func newRecorder(t *testing.T) (*Recorder, *prometheus.Registry, *[]string) {
	t.Helper()
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{Verbosity: 0})
	reg := prometheus.NewPedanticRegistry()
	r, err := New(reg, log)
	if err != nil {
		t.Fatal(err)
	}
	return r, reg, &lines
}

var accepted = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func attempt(n int, kind queue.Kind, reason Reason) Attempt {
	return Attempt{
		Delivery: queue.Delivery{
			ID: "0123", Attempt: n, Accepted: accepted,
			Target: queue.Target{Namespace: "team", Route: "r", Channel: "team/chat/#a"},
			Event:  travis.Event{Repository: travis.Repository{Owner: "o", Name: "n"}, Build: travis.Build{Number: "7"}},
		},
		Service: "slack", Reason: reason, Took: 50 * time.Millisecond,
		Outcome: queue.Outcome{Kind: kind, At: accepted.Add(2 * time.Second), Reason: "it says no"},
	}
}

// use produces every metric.
func use(r *Recorder) {
	r.Answered(202, "stored", 3*time.Millisecond)
	r.Noticed("team", "o/n", "redirected", "a redirect ate an event")
	r.Attempted(attempt(1, queue.Retry, Failed))
	r.Attempted(attempt(2, queue.Delivered, None))
	lost := attempt(1, queue.Dead, LimitReached)
	lost.Service = ""
	r.Attempted(lost)
	r.TemplateFailed(attempt(1, queue.Delivered, None).Delivery, errors.New("line 1, column 2: no"))
}

// keptQueue is a store with these counts.
type keptQueue queue.Counts

func (k keptQueue) Counts() queue.Counts { return queue.Counts(k) }

func TestMetricsCount(t *testing.T) {
	r, reg, _ := newRecorder(t)
	use(r)
	want := `
# HELP travishook_deliveries_total Deliveries that ended, by outcome (delivered, dead or dropped) and reason. A redriven delivery is counted again.
# TYPE travishook_deliveries_total counter
travishook_deliveries_total{outcome="delivered",reason="none",service="slack"} 1
travishook_deliveries_total{outcome="dead",reason="credential_refused",service="unknown"} 0
travishook_deliveries_total{outcome="dead",reason="limit_reached",service="unknown"} 1
travishook_deliveries_total{outcome="dead",reason="refused",service="unknown"} 0
# HELP travishook_delivery_attempts_total Attempts to deliver, by outcome (delivered, retry, dead or dropped) and reason.
# TYPE travishook_delivery_attempts_total counter
travishook_delivery_attempts_total{outcome="delivered",reason="none",service="slack"} 1
travishook_delivery_attempts_total{outcome="retry",reason="failed",service="slack"} 1
travishook_delivery_attempts_total{outcome="dead",reason="limit_reached",service="unknown"} 1
# HELP travishook_receiver_answers_total Requests to the receiver, by the status code and reason of the answer.
# TYPE travishook_receiver_answers_total counter
travishook_receiver_answers_total{code="202",reason="stored"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "travishook_deliveries_total",
		"travishook_delivery_attempts_total", "travishook_receiver_answers_total"); err != nil {
		t.Error(err)
	}
}

func TestLatencyCountsFromTheAcceptance(t *testing.T) {
	r, reg, _ := newRecorder(t)
	use(r)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "travishook_delivery_latency_seconds" {
			if h := f.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != 2 {
				t.Errorf("got %v", h)
			}
			return
		}
	}
	t.Error("no latency")
}

func TestQueueGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		kept := keptQueue{Waiting: 2, Dead: 1, Oldest: now.Add(-time.Hour)}
		want := `
# HELP travishook_queue_deliveries Deliveries in the store, by state: waiting, sending or dead.
# TYPE travishook_queue_deliveries gauge
travishook_queue_deliveries{state="dead"} 1
travishook_queue_deliveries{state="sending"} 0
travishook_queue_deliveries{state="waiting"} 2
# HELP travishook_queue_oldest_waiting_seconds Age of the oldest delivery that waits for its first or next attempt; 0 if none waits.
# TYPE travishook_queue_oldest_waiting_seconds gauge
travishook_queue_oldest_waiting_seconds 3600
`
		if err := testutil.CollectAndCompare(QueueCollector(kept.Counts), strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingWaitsInAnEmptyQueue(t *testing.T) {
	want := `
# HELP travishook_queue_oldest_waiting_seconds Age of the oldest delivery that waits for its first or next attempt; 0 if none waits.
# TYPE travishook_queue_oldest_waiting_seconds gauge
travishook_queue_oldest_waiting_seconds 0
`
	if err := testutil.CollectAndCompare(QueueCollector(keptQueue{}.Counts), strings.NewReader(want), "travishook_queue_oldest_waiting_seconds"); err != nil {
		t.Error(err)
	}
}

// fullStore is at its limit.
type fullStore struct{}

func (fullStore) Ready() error           { return queue.ErrFull }
func (fullStore) Size() (int64, int64)   { return 1020, 1024 }
func (fullStore) Lost() (uint64, uint64) { return 3, 2 }
func (fullStore) Usages() []queue.Usage {
	return []queue.Usage{
		{Namespace: "team-b", Deliveries: 1, Bytes: 2, Memory: 3, Share: 0.5},
		{Namespace: "team-a", Deliveries: 7, Bytes: 8, Memory: 9, Share: 1, Full: true},
	}
}

func TestTheMetricsShowTheNamespacesThatUseMost(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(StoreCollector(manyNamespaces{}))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for i := range shownNamespaces {
		want[fmt.Sprint("team-", 999-i)] = true
	}
	for _, name := range []string{"bytes", "deliveries", "memory_bytes", "share"} {
		got := map[string]bool{}
		for _, f := range families {
			if f.GetName() == "travishook_store_namespace_"+name {
				for _, m := range f.GetMetric() {
					got[m.GetLabel()[0].GetValue()] = true
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("travishook_store_namespace_%s (-want +got):\n%s", name, diff)
		}
	}
}

type manyNamespaces struct{ fullStore }

func (manyNamespaces) Usages() []queue.Usage {
	var all []queue.Usage
	for i := range 1000 {
		all = append(all, queue.Usage{Namespace: fmt.Sprint("team-", i), Share: float64(i) / 1000})
	}
	return all
}

func TestTheGaugesOfTheStore(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(StoreCollector(fullStore{}))
	want := `
# HELP travishook_store_bytes Size of the store, including what will be removed soon.
# TYPE travishook_store_bytes gauge
travishook_store_bytes 1020
# HELP travishook_store_limit_bytes Size at which the store refuses events.
# TYPE travishook_store_limit_bytes gauge
travishook_store_limit_bytes 1024
# HELP travishook_store_lost_events Events whose part of the store was found damaged or missing in the last seven days, as far as their number is known.
# TYPE travishook_store_lost_events gauge
travishook_store_lost_events 3
# HELP travishook_store_lost_messages Messages of the journal that were found damaged or missing in the last seven days.
# TYPE travishook_store_lost_messages gauge
travishook_store_lost_messages 2
# HELP travishook_store_namespace_bytes Bytes in the store that are kept for a namespace, for the 20 namespaces that use most of their share.
# TYPE travishook_store_namespace_bytes gauge
travishook_store_namespace_bytes{namespace="team-a"} 8
travishook_store_namespace_bytes{namespace="team-b"} 2
# HELP travishook_store_namespace_deliveries Deliveries in the store of a namespace, waiting, sending or dead, for the same namespaces.
# TYPE travishook_store_namespace_deliveries gauge
travishook_store_namespace_deliveries{namespace="team-a"} 7
travishook_store_namespace_deliveries{namespace="team-b"} 1
# HELP travishook_store_namespace_memory_bytes Estimated memory of what is kept for a namespace, for the same namespaces.
# TYPE travishook_store_namespace_memory_bytes gauge
travishook_store_namespace_memory_bytes{namespace="team-a"} 9
travishook_store_namespace_memory_bytes{namespace="team-b"} 3
# HELP travishook_store_namespace_share Part of its share of the store that a namespace has used, for the same namespaces. At 1 its events are refused.
# TYPE travishook_store_namespace_share gauge
travishook_store_namespace_share{namespace="team-a"} 1
travishook_store_namespace_share{namespace="team-b"} 0.5
# HELP travishook_store_namespaces_refused Namespaces whose events are refused because they have used their share of the store.
# TYPE travishook_store_namespaces_refused gauge
travishook_store_namespaces_refused 1
# HELP travishook_store_ready 1 if the store accepts events; 0 if it is full or does not answer, and webhooks are refused.
# TYPE travishook_store_ready gauge
travishook_store_ready 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestMetricsPassTheLinter(t *testing.T) {
	r, reg, _ := newRecorder(t)
	reg.MustRegister(QueueCollector(keptQueue{}.Counts), StoreCollector(fullStore{}))
	use(r)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestRegisteringTwiceIsAnError(t *testing.T) {
	_, reg, _ := newRecorder(t)
	if _, err := New(reg, logr.Discard()); err == nil {
		t.Error("no error")
	}
}

func TestTheFirstFailureAndTheDeadLetterAreLogged(t *testing.T) {
	r, _, lines := newRecorder(t)
	r.Attempted(attempt(1, queue.Retry, Failed))
	for n := range 50 {
		r.Attempted(attempt(n+2, queue.Retry, Failed))
	}
	r.Attempted(attempt(52, queue.Dead, LimitReached))
	keys := `"namespace"="team" "route"="r" "channel"="team/chat/#a" "delivery"="0123" "repository"="o/n" "build"="7"`
	want := []string{
		`"level"=0 "msg"="delivery failed; retrying" ` + keys + ` "attempt"=1 "reason"="it says no" "due"="0001-01-01 00:00:00 +0000 UTC"`,
		`"level"=0 "msg"="delivery became a dead letter" ` + keys + ` "attempt"=52 "reason"="it says no"`,
	}
	if diff := cmp.Diff(want, *lines); diff != "" {
		t.Error(diff)
	}
}

func TestTheDebugLogHasEveryAttempt(t *testing.T) {
	var lines []string
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{Verbosity: 1})
	r, err := New(prometheus.NewPedanticRegistry(), log)
	if err != nil {
		t.Fatal(err)
	}
	r.Attempted(attempt(1, queue.Delivered, None))
	r.Attempted(attempt(1, queue.Dropped, RouteDeleted))
	r.Attempted(attempt(2, queue.Retry, Failed))
	for i, want := range []string{`"level"=1 "msg"="delivered"`, `"level"=1 "msg"="delivery dropped"`, `"level"=1 "msg"="delivery failed; retrying"`} {
		if len(lines) <= i || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("the lines are %q, want %s as number %d", lines, want, i)
		}
	}
}

func TestAFailedTemplateIsCountedAndLogged(t *testing.T) {
	r, reg, lines := newRecorder(t)
	r.TemplateFailed(attempt(1, queue.Delivered, None).Delivery, errors.New("line 1, column 2: no"))
	want := `
# HELP travishook_template_failures_total Messages sent with the default text because the route's template failed.
# TYPE travishook_template_failures_total counter
travishook_template_failures_total 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "travishook_template_failures_total"); err != nil {
		t.Error(err)
	}
	if len(*lines) != 1 || !strings.Contains((*lines)[0], `"route"="r"`) || !strings.Contains((*lines)[0], `"reason"="line 1, column 2: no"`) {
		t.Errorf("logged is %q", *lines)
	}
}

func TestAnswersAreTimed(t *testing.T) {
	r, reg, _ := newRecorder(t)
	r.Answered(202, "stored", 3*time.Second)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "travishook_receiver_answer_duration_seconds" {
			if h := f.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != 3 {
				t.Errorf("got %v", h)
			}
			return
		}
	}
	t.Error("no time")
}

func TestRepeatedNoticesAreLoggedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, lines := newRecorder(t)
		for range 1000 {
			r.Noticed("team", "o/n", "redirected", "a redirect ate an event")
		}
		r.Noticed("other", "o/n", "redirected", "a redirect ate an event")
		if len(*lines) != 2 {
			t.Errorf("%d lines", len(*lines))
		}
		time.Sleep(noticeInterval - time.Second)
		r.Noticed("team", "o/n", "redirected", "a redirect ate an event")
		if len(*lines) != 2 {
			t.Errorf("%d lines before %s", len(*lines), noticeInterval)
		}
		time.Sleep(time.Second)
		r.Noticed("team", "o/n", "redirected", "a redirect ate an event")
		if len(*lines) != 3 {
			t.Errorf("%d lines after %s", len(*lines), noticeInterval)
		}
	})
}

// Prometheus' increase does not see the first value of a new series.
func TestCountersThatAlertsWatchStartAtZero(t *testing.T) {
	r, reg, _ := newRecorder(t)
	r.InitAnswer(503, "store_full")
	r.InitDeadLetters("slack")
	want := `# HELP travishook_deliveries_total Deliveries that ended, by outcome (delivered, dead or dropped) and reason. A redriven delivery is counted again.
# TYPE travishook_deliveries_total counter
travishook_deliveries_total{outcome="dead",reason="credential_refused",service="slack"} 0
travishook_deliveries_total{outcome="dead",reason="credential_refused",service="unknown"} 0
travishook_deliveries_total{outcome="dead",reason="limit_reached",service="slack"} 0
travishook_deliveries_total{outcome="dead",reason="limit_reached",service="unknown"} 0
travishook_deliveries_total{outcome="dead",reason="refused",service="slack"} 0
travishook_deliveries_total{outcome="dead",reason="refused",service="unknown"} 0
# HELP travishook_receiver_answers_total Requests to the receiver, by the status code and reason of the answer.
# TYPE travishook_receiver_answers_total counter
travishook_receiver_answers_total{code="503",reason="store_full"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want),
		"travishook_deliveries_total", "travishook_receiver_answers_total"); err != nil {
		t.Error(err)
	}
}
