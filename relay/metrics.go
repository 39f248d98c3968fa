package relay

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	published  prometheus.Counter
	expired    prometheus.Counter
	alerts     *prometheus.CounterVec
	lag        prometheus.Histogram
	dropped    *prometheus.CounterVec
	failures   *prometheus.CounterVec
	deliveries *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	name := func(n string) string { return "dray_relay_" + n }
	m := &metrics{
		published: prometheus.NewCounter(prometheus.CounterOpts{Name: name("published_total"), Help: "Publications of events, offers and errors."}),
		expired:   prometheus.NewCounter(prometheus.CounterOpts{Name: name("assignments_expired_total"), Help: "Assignments that were not answered in time."}),
		alerts:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("alerts_total"), Help: "Alerts by themselves: opened, closed."}, []string{"change"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{Name: name("lag_seconds"), Help: "From the change to its publication.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300}}),
		dropped:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("dropped_total"), Help: "What could not be told: id, kind, driver (not fit for a topic), drivers (too many wait)."}, []string{"reason"}),
		failures:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("failures_total"), Help: "Steps that are tried again: listen, sequence, publish, offer, webhooks, escalate, alerts, prune."}, []string{"step"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("webhook_deliveries_total"), Help: "Requests to webhooks: delivered, failed, given_up."}, []string{"result"}),
	}
	if reg != nil {
		reg.MustRegister(m.published, m.expired, m.alerts, m.lag, m.dropped, m.failures, m.deliveries)
	}
	return m
}
