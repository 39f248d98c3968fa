package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
)

// A sample is what the server holds while nobody is connected.
type sample struct{ heap, goroutines, files float64 }

// quiet is how long the server may take until it has seen everybody off.
const quiet = 30 * time.Second

// takeSample waits until all connections and sessions have ended and ingest has
// caught up, and collects garbage. Of what still moves the least is taken.
func takeSample(ctx context.Context, s *servers.Server) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	least := sample{math.Inf(1), math.Inf(1), math.Inf(1)}
	const looks = 12 // three seconds: longer than sessions live
	for left := looks; left > 0; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return sample{}, fmt.Errorf("the server is not at rest: %w", ctx.Err())
		}
		if err := s.Collect(); err != nil {
			return sample{}, err
		}
		m, err := s.Metrics()
		if err != nil {
			return sample{}, err
		}
		if m["dray_broker_connections"] > 0 || m["dray_stream_backlog_frames"] > 0 {
			continue
		}
		left--
		least.heap = min(least.heap, m["go_memstats_heap_alloc_bytes"])
		least.goroutines = min(least.goroutines, m["go_goroutines"])
		least.files = min(least.files, float64(s.Files()))
	}
	return least, nil
}

// judge fails when anything grows.
func judge(samples []sample) error {
	var errs []error
	for _, kind := range []struct {
		name  string
		of    func(sample) float64
		least float64 // growth that is no trend
	}{
		{"heap bytes", func(s sample) float64 { return s.heap }, 6e6}, // buffers in pools and the stream's caches come and go
		{"goroutines", func(s sample) float64 { return s.goroutines }, 8},
		{"file descriptors", func(s sample) float64 { return s.files }, 6},
	} {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = kind.of(s)
		}
		grown := slope(values) * float64(len(values)-1)
		if grown > max(kind.least, 0.1*values[0]) {
			errs = append(errs, fmt.Errorf("%s grow: by %.0f from %.0f", kind.name, grown, values[0]))
		}
	}
	return errors.Join(errs...)
}

// slope is that of the least squares line through values, per step.
func slope(values []float64) float64 {
	n := float64(len(values))
	meanX, meanY := (n-1)/2, 0.0
	for _, v := range values {
		meanY += v / n
	}
	var up, across float64
	for i, v := range values {
		x := float64(i) - meanX
		up += x * (v - meanY)
		across += x * x
	}
	return up / across
}
