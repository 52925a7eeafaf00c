package record

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/travishook/travishook/internal/queue"
)

// Kept is what the gauges need of the store.
type Kept interface {
	Deliveries(wanted func(queue.Summary) bool) []queue.Summary
}

// QueueCollector counts what the store keeps each time that metrics are read, so that the
// figures are right after a restart and cost nothing in between.
func QueueCollector(kept Kept) prometheus.Collector { return queueCollector{kept} }

type queueCollector struct{ kept Kept }

var (
	keptDesc = prometheus.NewDesc(namespace+"_queue_deliveries",
		"Deliveries in the store, by state: waiting, sending or dead.", []string{"state"}, nil)
	oldestDesc = prometheus.NewDesc(namespace+"_queue_oldest_waiting_seconds",
		"Age of the oldest delivery that waits for its first or next attempt; 0 if none does.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- keptDesc
	ch <- oldestDesc
}

// Collect implements prometheus.Collector.
func (c queueCollector) Collect(ch chan<- prometheus.Metric) {
	counts := map[queue.State]int{queue.Waiting: 0, queue.Sending: 0, queue.Died: 0}
	now := time.Now()
	oldest := now
	c.kept.Deliveries(func(s queue.Summary) bool {
		counts[s.State]++
		if s.State == queue.Waiting && s.Accepted.Before(oldest) {
			oldest = s.Accepted
		}
		return false // counted on the way; no list is needed
	})
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(n), string(state))
	}
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, now.Sub(oldest).Seconds())
}
