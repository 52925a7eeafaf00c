package record

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/travishook/travishook/internal/queue"
)

// Kept is the part of the store that the gauges use.
type Kept interface {
	Counts() queue.Counts
}

// QueueCollector reports the store's counts at each scrape.
func QueueCollector(kept Kept) prometheus.Collector { return queueCollector{kept} }

type queueCollector struct{ kept Kept }

var (
	keptDesc = prometheus.NewDesc(namespace+"_queue_deliveries",
		"Deliveries in the store, by state: waiting, sending or dead.", []string{"state"}, nil)
	oldestDesc = prometheus.NewDesc(namespace+"_queue_oldest_waiting_seconds",
		"Age of the oldest delivery that waits for its first or next attempt; 0 if none waits.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c queueCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- keptDesc
	ch <- oldestDesc
}

// Collect implements prometheus.Collector.
func (c queueCollector) Collect(ch chan<- prometheus.Metric) {
	n := c.kept.Counts()
	age := 0.0
	if !n.Oldest.IsZero() {
		age = max(0, time.Since(n.Oldest).Seconds())
	}
	for state, n := range map[queue.State]int{queue.Waiting: n.Waiting, queue.Sending: n.Sending, queue.DeadLetter: n.Dead} {
		ch <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(n), string(state))
	}
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age)
}
