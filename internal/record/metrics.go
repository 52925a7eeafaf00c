package record

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace = "travishook"

// attemptBuckets range from a service on the same machine to the timeout of an attempt.
var attemptBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// latencyBuckets range from a channel that works to the retry limit of one that was down for a day.
var latencyBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}

// answerBuckets range from a request refused by its header to a slow disk.
var answerBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}

// metrics are the operator's own metrics; docs/operations/metrics.md lists them.
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
			Help: "Requests to the receiver, by the status code and reason of the answer.",
		}, []string{"code", "reason"}),
		answerSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "receiver", Name: "answer_duration_seconds",
			Help: "Time from a request's header to its answer, including the time to store the event.", Buckets: answerBuckets,
		}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "receiver", Name: "notices_total",
			Help: "Problems with webhooks that were reported to a namespace, by reason.",
		}, []string{"reason"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "deliveries_total",
			Help: "Deliveries that ended, by outcome (delivered, dead or dropped) and reason. A redriven delivery is counted again.",
		}, []string{"service", "outcome", "reason"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "attempts_total",
			Help: "Attempts to deliver, by outcome (delivered, retry, dead or dropped) and reason.",
		}, []string{"service", "outcome", "reason"}),
		attemptSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "attempt_duration_seconds",
			Help: "Duration of an attempt, of any outcome.", Buckets: attemptBuckets,
		}, []string{"service"}),
		latencySeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "delivery", Name: "latency_seconds",
			Help: "Time from storing an event to its delivery to a channel, including retries.", Buckets: latencyBuckets,
		}, []string{"service"}),
		templateFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "template", Name: "failures_total",
			Help: "Messages sent with the default text because the route's template failed.",
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
