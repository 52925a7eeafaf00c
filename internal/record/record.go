package record

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/travishook/travishook/internal/queue"
)

// unknownService is the label of an attempt for which nothing was sent.
const unknownService = "unknown"

// Recorder counts and logs. Its methods may be called concurrently.
type Recorder struct {
	metrics *metrics
	log     logr.Logger
	notices *notices
}

// New registers the metrics with reg; it fails if they are already registered.
func New(reg prometheus.Registerer, log logr.Logger) (*Recorder, error) {
	m, err := newMetrics(reg)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	r := &Recorder{metrics: m, log: log, notices: newNotices()}
	r.InitDeadLetters(unknownService)
	return r, nil
}

// InitAnswer creates the counter of an answer at zero. Without it the first one would go unnoticed:
// Prometheus' increase needs a value before it.
func (r *Recorder) InitAnswer(code int, reason string) {
	r.metrics.answers.WithLabelValues(strconv.Itoa(code), reason)
}

// InitDeadLetters creates the counters of a service's dead letters at zero, for the same reason.
func (r *Recorder) InitDeadLetters(service string) {
	for _, reason := range []Reason{CredentialRefused, Refused, LimitReached} {
		r.metrics.deliveries.WithLabelValues(service, string(queue.Dead), string(reason))
	}
}

// Answered records the answer to a request. The reason is one of the receiver's.
func (r *Recorder) Answered(code int, reason string, took time.Duration) {
	r.metrics.answered(code, reason, took)
}

// Attempted records an attempt whose outcome is stored.
func (r *Recorder) Attempted(a Attempt) {
	service := a.Service
	if service == "" {
		service = unknownService
	}
	kind, reason := string(a.Outcome.Kind), string(a.Reason)
	r.metrics.attempts.WithLabelValues(service, kind, reason).Inc()
	r.metrics.attemptSeconds.WithLabelValues(service).Observe(a.Took.Seconds())
	if a.Outcome.Kind != queue.Retry {
		r.metrics.deliveries.WithLabelValues(service, kind, reason).Inc()
	}
	if a.Outcome.Kind == queue.Delivered {
		r.metrics.latencySeconds.WithLabelValues(service).Observe(a.Outcome.At.Sub(a.Delivery.Accepted).Seconds())
	}
	r.logAttempt(a)
}

// logAttempt logs the first failure of a delivery and its end as a dead letter; successes and further
// failures have a higher verbosity.
func (r *Recorder) logAttempt(a Attempt) {
	if a.Outcome.Kind == queue.Delivered && !r.log.V(1).Enabled() {
		return // the most frequent case, without collecting the values
	}
	log := r.delivery(a.Delivery).WithValues("attempt", a.Delivery.Attempt)
	switch {
	case a.Outcome.Kind == queue.Delivered:
		log.V(1).Info("delivered")
	case a.Outcome.Kind == queue.Dropped:
		log.V(1).Info("delivery dropped", "reason", a.Outcome.Reason)
	case a.Outcome.Kind == queue.Dead:
		log.Info("delivery became a dead letter", "reason", a.Outcome.Reason)
	case a.Delivery.Attempt == 1:
		log.Info("delivery failed; retrying", "reason", a.Outcome.Reason, "due", a.Outcome.Due)
	default:
		log.V(1).Info("delivery failed; retrying", "reason", a.Outcome.Reason, "due", a.Outcome.Due)
	}
}

// TemplateFailed records a delivery with the default text because of a template's error.
func (r *Recorder) TemplateFailed(d queue.Delivery, err error) {
	r.metrics.templateFailures.Inc()
	r.delivery(d).Info("template failed; sending the default text", "reason", err.Error())
}

func (r *Recorder) delivery(d queue.Delivery) logr.Logger {
	return r.log.WithValues("namespace", d.Target.Namespace, "route", d.Target.Route, "channel", d.Target.Channel,
		"delivery", d.ID, "repository", d.Event.Repository.Slug(), "build", d.Event.Build.Number)
}
