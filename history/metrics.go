package history

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	packed, left, trips, failures prometheus.Counter
	full, steady                  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "dray_history_" + name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "dray_history_" + name, Help: help})
	}
	m := &metrics{
		packed:   counter("packed_positions_total", "Positions that were moved into packed hours."),
		left:     counter("left_positions_total", "Positions of hours too dense to be packed, which stay as they are."),
		trips:    counter("trips_total", "Trips that were found and stored."),
		failures: counter("failures_total", "Passes that failed and are tried again."),
		full:     gauge("disk_full_timestamp_seconds", "When the disk will be full at the growth of the last days; 0 is unknown or never."),
		steady:   gauge("clock_steady", "1 while the clock can be trusted to remove history by."),
	}
	if r != nil {
		r.MustRegister(m.packed, m.left, m.trips, m.failures, m.full, m.steady)
	}
	return m
}
