package broker

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the broker's counters. Nothing is dropped without one.
type metrics struct {
	connections prometheus.Gauge
	connectsVec *prometheus.CounterVec
	publishVec  *prometheus.CounterVec
	uplinked    prometheus.Counter // of publishVec
	droppedVec  *prometheus.CounterVec
	deliveries  prometheus.Counter
	liveFrames  prometheus.Counter
	overflows   prometheus.Counter
	malformed   prometheus.Counter
	throttled   prometheus.Counter
	panics      prometheus.Counter
}

func newMetrics(b *Broker, r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "dray_broker_" + name, Help: help})
		r.MustRegister(c)
		return c
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dray_broker_" + name, Help: help}, []string{label})
		r.MustRegister(v)
		return v
	}
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "dray_broker_connections", Help: "Connected clients."}),
		connectsVec: vec("connects_total", "CONNECTs by result.", "result"),
		publishVec:  vec("publishes_total", "Publishes of clients by result.", "result"),
		droppedVec:  vec("deliveries_dropped_total", "Deliveries that were not made, by reason.", "reason"),
		deliveries:  counter("deliveries_total", "Deliveries of live publications to subscribers."),
		liveFrames:  counter("live_frames_total", "Live frames encoded."),
		overflows:   counter("overflows_total", "Connections ended because too much waited for them."),
		malformed:   counter("malformed_packets_total", "Packets refused by the frame checker."),
		throttled:   counter("throttled_total", "Times that a connection was slowed for its message rate."),
		panics:      counter("engine_panics_total", "Panics of the protocol engine that were contained."),
	}
	m.uplinked = m.publishVec.WithLabelValues("accepted")
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dray_broker_queue_bytes", Help: "Bytes that wait to be sent to clients.",
	}, func() float64 { return float64(b.waiting.Load()) })
	full := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "dray_broker_inflight_full_total", Help: "QoS 1 and 2 deliveries dropped because too many of a session wait to be acknowledged.",
	}, func() float64 { return float64(atomic.LoadInt64(&b.engine.Info.InflightDropped)) })
	kept := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dray_broker_session_bytes", Help: "Bytes of QoS 1 and 2 deliveries that clients have not acknowledged.",
	}, func() float64 { return float64(b.sessions.bytes.Load()) })
	r.MustRegister(m.connections, waiting, full, kept)
	return m
}

func (m *metrics) connects(result string) prometheus.Counter {
	return m.connectsVec.WithLabelValues(result)
}
func (m *metrics) published(result string) prometheus.Counter {
	return m.publishVec.WithLabelValues(result)
}

// drop counts a delivery that is not made.
func (b *Broker) drop(reason string) {
	b.metrics.droppedVec.WithLabelValues(reason).Inc()
	b.totals.dropped.Add(1)
}
