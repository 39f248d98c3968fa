package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	batchRecords prometheus.Histogram
	batchSeconds prometheus.Histogram
	delay        prometheus.Histogram
	rows         prometheus.Counter
	duplicates   prometheus.Counter
	thinned      prometheus.Counter
	quarantined  prometheus.Counter
	erased       prometheus.Counter
	dropped      prometheus.Counter
	dead         *prometheus.CounterVec // by reason
	ignored      *prometheus.CounterVec // by why
	retries      *prometheus.CounterVec // by what was away
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return f.NewCounter(prometheus.CounterOpts{Name: "dray_ingest_" + name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Name: "dray_ingest_" + name, Help: help}, []string{label})
	}
	histogram := func(name, help string, first float64, n int) prometheus.Histogram {
		return f.NewHistogram(prometheus.HistogramOpts{
			Name: "dray_ingest_" + name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 2, n),
		})
	}
	return &metrics{
		batchRecords: histogram("batch_records", "Publications in one saved batch.", 1, 14),
		batchSeconds: histogram("batch_seconds", "Time to save one batch, waiting for the store included.", 0.001, 16),
		delay:        histogram("receive_to_commit_seconds", "From the receipt of a publication to its commit, of those that leave more than a count.", 0.001, 20),
		rows:         counter("positions_stored_total", "Positions added to the history."),
		duplicates:   counter("duplicates_total", "Fixes that were there already."),
		thinned:      counter("thinned_total", "Fixes that the minimum interval left out of history."),
		quarantined:  counter("quarantined_total", "Fixes too far in the future, stored apart."),
		erased:       counter("erased_total", "Positions left out because they were received before their driver was erased."),
		dropped:      counter("mqtt_dropped_total", "Messages of QoS 0 of a foreign broker that came faster than they could be stored."),
		dead:         counters("dead_letters_total", "Publications that can never be stored: topic, malformed, refused.", "reason"),
		ignored:      counters("ignored_total", "Messages in a vendor's format that hold nothing to keep.", "reason"),
		retries:      counters("retries_total", "Tries after a failure: open, recall, fetch, store, scout, policies, mqtt.", "what"),
	}
}
