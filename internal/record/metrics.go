package record

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "travishook"

// attemptBuckets reach from a service on the same machine to the deadline of an attempt.
var attemptBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// latencyBuckets reach from a live room to the retry limit of one that was down for a day.
var latencyBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}

// answerBuckets reach from a refusal by the header to a slow disk.
var answerBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}

// metrics are all that the operator counts itself; docs/operations/metrics.md lists them.
type metrics struct {
	answers          *prometheus.CounterVec
	answerSeconds    prometheus.Histogram
	notices          *prometheus.CounterVec
	deliveries       *prometheus.CounterVec
	attempts         *prometheus.CounterVec
	attemptSeconds   *prometheus.HistogramVec
	latencySeconds   *prometheus.HistogramVec
	templateFailures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "receiver", Name: "answers_total",
			Help: "Requests answered, by HTTP status code and reason.",
		}, []string{"code", "reason"}),
		answerSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "receiver", Name: "answer_duration_seconds",
			Help: "Time from a request's header to its answer, storing included.", Buckets: answerBuckets,
		}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "receiver", Name: "notices_total",
			Help: "Webhooks that somebody in a namespace should look at, by reason.",
		}, []string{"reason"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "deliveries_total",
			Help: "Deliveries that ended: delivered, dead or dropped, and why. One that is redriven ends again.",
		}, []string{"service", "outcome", "reason"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "attempts_total",
			Help: "Attempts to deliver, by what came of each: delivered, retry, dead or dropped, and why.",
		}, []string{"service", "outcome", "reason"}),
		attemptSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "attempt_duration_seconds",
			Help: "Time that one attempt took, whatever came of it.", Buckets: attemptBuckets,
		}, []string{"service"}),
		latencySeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "latency_seconds",
			Help: "Time from the acceptance of an event to its arrival in a room, retries included.", Buckets: latencyBuckets,
		}, []string{"service"}),
		templateFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "template", Name: "failures_total",
			Help: "Messages that carried the default text because the route's own template failed.",
		}),
	}
	for _, c := range []prometheus.Collector{
		m.answers, m.answerSeconds, m.notices, m.deliveries, m.attempts, m.attemptSeconds, m.latencySeconds, m.templateFailures,
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) answered(code int, reason string, took time.Duration) {
	m.answers.WithLabelValues(strconv.Itoa(code), reason).Inc()
	m.answerSeconds.Observe(took.Seconds())
}
