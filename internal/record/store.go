package record

import "github.com/prometheus/client_golang/prometheus"

// Store is what the gauges need of the store as a whole.
type Store interface {
	// Ready is nil while the store takes events.
	Ready() error
	// Size is what the store holds, and at what size it takes no more events.
	Size() (bytes, limit int64)
}

// StoreCollector tells how full the store is, and whether it takes events, each time that metrics
// are read.
func StoreCollector(s Store) prometheus.Collector { return storeCollector{s} }

type storeCollector struct{ store Store }

var (
	storeReadyDesc = prometheus.NewDesc(namespace+"_store_ready",
		"1 while the store takes events; 0 while it is full or does not answer, and webhooks are refused.", nil, nil)
	storeBytesDesc = prometheus.NewDesc(namespace+"_store_bytes",
		"Size of what the store holds, what it is about to drop included.", nil, nil)
	storeLimitDesc = prometheus.NewDesc(namespace+"_store_limit_bytes",
		"Size at which the store takes no more events.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeReadyDesc
	ch <- storeBytesDesc
	ch <- storeLimitDesc
}

// Collect implements prometheus.Collector.
func (c storeCollector) Collect(ch chan<- prometheus.Metric) {
	ready := 1.0
	if c.store.Ready() != nil {
		ready = 0
	}
	bytes, limit := c.store.Size()
	ch <- prometheus.MustNewConstMetric(storeReadyDesc, prometheus.GaugeValue, ready)
	ch <- prometheus.MustNewConstMetric(storeBytesDesc, prometheus.GaugeValue, float64(bytes))
	ch <- prometheus.MustNewConstMetric(storeLimitDesc, prometheus.GaugeValue, float64(limit))
}
