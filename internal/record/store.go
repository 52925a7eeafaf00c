package record

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/travishook/travishook/internal/queue"
)

// Store is the part of the store that the gauges use.
type Store interface {
	// Ready is nil while the store accepts events.
	Ready() error
	// Size returns the size of the store and the limit at which it refuses events.
	Size() (bytes, limit int64)
	// Lost returns what was found damaged or missing in the last seven days.
	Lost() (events, messages uint64)
	// Usages returns what is kept for each namespace.
	Usages() []queue.Usage
}

// shownNamespaces is for how many namespaces the metrics show what they use: those that use most.
const shownNamespaces = 20

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
	namespaceBytesDesc = prometheus.NewDesc(namespace+"_store_namespace_bytes",
		"Bytes in the store that are kept for a namespace, for the 20 namespaces that use most of their share.", []string{"namespace"}, nil)
	namespaceMemoryDesc = prometheus.NewDesc(namespace+"_store_namespace_memory_bytes",
		"Estimated memory of what is kept for a namespace, for the same namespaces.", []string{"namespace"}, nil)
	namespaceDeliveriesDesc = prometheus.NewDesc(namespace+"_store_namespace_deliveries",
		"Deliveries in the store of a namespace, waiting, sending or dead, for the same namespaces.", []string{"namespace"}, nil)
	namespaceShareDesc = prometheus.NewDesc(namespace+"_store_namespace_share",
		"Part of its share of the store that a namespace has used, for the same namespaces. At 1 its events are refused.", []string{"namespace"}, nil)
	namespacesRefusedDesc = prometheus.NewDesc(namespace+"_store_namespaces_refused",
		"Namespaces whose events are refused because they have used their share of the store.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c storeCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeReadyDesc
	ch <- storeBytesDesc
	ch <- storeLimitDesc
	ch <- storeLostEventsDesc
	ch <- storeLostMessagesDesc
	ch <- namespaceBytesDesc
	ch <- namespaceMemoryDesc
	ch <- namespaceDeliveriesDesc
	ch <- namespaceShareDesc
	ch <- namespacesRefusedDesc
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
	c.collectNamespaces(ch)
}

func (c storeCollector) collectNamespaces(ch chan<- prometheus.Metric) {
	all := c.store.Usages()
	refused := 0
	for _, u := range all {
		if u.Full {
			refused++
		}
	}
	ch <- prometheus.MustNewConstMetric(namespacesRefusedDesc, prometheus.GaugeValue, float64(refused))
	slices.SortFunc(all, func(a, b queue.Usage) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Namespace, b.Namespace))
	})
	for _, u := range all[:min(len(all), shownNamespaces)] {
		for desc, value := range map[*prometheus.Desc]float64{
			namespaceBytesDesc: float64(u.Bytes), namespaceMemoryDesc: float64(u.Memory),
			namespaceDeliveriesDesc: float64(u.Deliveries), namespaceShareDesc: u.Share,
		} {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, u.Namespace)
		}
	}
}
