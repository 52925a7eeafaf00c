package record

import "github.com/prometheus/client_golang/prometheus"

// Store is the part of the store that the gauges use.
type Store interface {
	// Ready is nil while the store accepts events.
	Ready() error
	// Size returns the size of the store and the limit at which it refuses events.
	Size() (bytes, limit int64)
	// Lost returns what was found damaged or missing in the last seven days.
	Lost() (events, messages uint64)
}

// StoreCollector reports at each scrape how full the store is, and whether it accepts events.
func StoreCollector(s Store) prometheus.Collector { return storeCollector{s} }

type storeCollector struct{ store Store }

var (
	storeReadyDesc = prometheus.NewDesc(namespace+"_store_ready",
		"1 if the store accepts events; 0 if it is full or does not answer, and webhooks are refused.", nil, nil)
	storeBytesDesc = prometheus.NewDesc(namespace+"_store_bytes",
		"Size of the store, including what will be removed soon.", nil, nil)
	storeLimitDesc = prometheus.NewDesc(namespace+"_store_limit_bytes",
		"Size at which the store refuses events.", nil, nil)
	storeLostEventsDesc = prometheus.NewDesc(namespace+"_store_lost_events",
		"Events whose part of the store was found damaged or missing in the last seven days, as far as their number is known.", nil, nil)
	storeLostMessagesDesc = prometheus.NewDesc(namespace+"_store_lost_messages",
		"Messages of the journal that were found damaged or missing in the last seven days.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeReadyDesc
	ch <- storeBytesDesc
	ch <- storeLimitDesc
	ch <- storeLostEventsDesc
	ch <- storeLostMessagesDesc
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
	events, messages := c.store.Lost()
	ch <- prometheus.MustNewConstMetric(storeLostEventsDesc, prometheus.GaugeValue, float64(events))
	ch <- prometheus.MustNewConstMetric(storeLostMessagesDesc, prometheus.GaugeValue, float64(messages))
}
