package api

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	throttled prometheus.Counter
	ignored   prometheus.Counter
}

// newMetrics registers with reg unless it is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dray_api_requests_total", Help: "Requests by operation and status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "dray_api_request_seconds", Help: "Time to answer, by operation.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"operation"}),
		throttled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "dray_api_logins_throttled_total", Help: "Logins refused because too many failed before.",
		}),
		ignored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "dray_api_uplinks_ignored_total", Help: "Messages of apps that hold no position, or are about something else.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.throttled, m.ignored)
	}
	return m
}

func (m *metrics) observe(operation string, status int, start time.Time) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(time.Since(start).Seconds())
}
