package record

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/travishook/travishook/internal/queue"
)

// QueueCollector reports the store's counts at each scrape.
func QueueCollector(counts func() queue.Counts) prometheus.Collector { return queueCollector{counts} }

type queueCollector struct{ counts func() queue.Counts }

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
	n := c.counts()
	age := 0.0
	if !n.Oldest.IsZero() {
		age = max(0, time.Since(n.Oldest).Seconds())
	}
	for state, n := range map[queue.State]int{queue.Waiting: n.Waiting, queue.Sending: n.Sending, queue.DeadLetter: n.Dead} {
		ch <- prometheus.MustNewConstMetric(keptDesc, prometheus.GaugeValue, float64(n), string(state))
	}
	ch <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age)
}
