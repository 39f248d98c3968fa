package stream

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	appends struct {
		ok, full, failed prometheus.Counter
	}
	appendSeconds prometheus.Histogram
	frameRecords  prometheus.Histogram
	corrupt       prometheus.Counter
	missing       prometheus.Counter
	busDropped    prometheus.Counter
	bytes         prometheus.Gauge
	maxBytes      prometheus.Gauge
	fill          prometheus.Gauge
	backlog       prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	gauge := func(name, help string) prometheus.Gauge {
		return f.NewGauge(prometheus.GaugeOpts{Name: "dray_stream_" + name, Help: help})
	}
	appends := f.NewCounterVec(prometheus.CounterOpts{
		Name: "dray_stream_appends_total", Help: "Publications handed to the stream, by result: ok, full, failed.",
	}, []string{"result"})
	m := &metrics{
		appendSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "dray_stream_append_seconds", Help: "Time to store one frame durably.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		frameRecords: f.NewHistogram(prometheus.HistogramOpts{
			Name: "dray_stream_frame_records", Help: "Publications in one frame.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		corrupt: f.NewCounter(prometheus.CounterOpts{
			Name: "dray_stream_corrupt_frames_total", Help: "Frames that could not be decoded and were passed over.",
		}),
		missing: f.NewCounter(prometheus.CounterOpts{
			Name: "dray_stream_missing_frames_total", Help: "Frames that were in the stream and are gone, unacknowledged: its files are damaged.",
		}),
		busDropped: f.NewCounter(prometheus.CounterOpts{
			Name: "dray_stream_bus_dropped_total", Help: "Messages of other nodes that came faster than they were dealt with.",
		}),
		bytes:    gauge("bytes", "Bytes kept in the stream."),
		maxBytes: gauge("max_bytes", "Bytes the stream may hold."),
		fill:     gauge("fill_ratio", "How full the fullest partition is, 0 to 1."),
		backlog:  gauge("backlog_frames", "Frames that are not acknowledged by ingest."),
	}
	m.appends.ok = appends.WithLabelValues("ok")
	m.appends.full = appends.WithLabelValues("full")
	m.appends.failed = appends.WithLabelValues("failed")
	return m
}
