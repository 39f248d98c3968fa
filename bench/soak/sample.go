package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
)

// A sample is what the server holds right after a garbage collection.
type sample struct {
	at                      time.Duration // since the start
	heap, goroutines, files float64       // heap in bytes
	resident                float64       // bytes
	connections             float64
	rate                    float64 // publishes a second since the sample before; 0 at rest
}

// nothingYet is before the first sample, of which the least is wanted.
var nothingYet = sample{heap: math.Inf(1), goroutines: math.Inf(1), files: math.Inf(1)}

// least is t, with what must not grow as in s where that is less.
func (s sample) least(t sample) sample {
	t.heap, t.goroutines, t.files = min(s.heap, t.heap), min(s.goroutines, t.goroutines), min(s.files, t.files)
	return t
}

// A recorder keeps the samples of a run.
type recorder struct {
	server *servers.Server
	crowd  *crowd
	began  time.Time

	load, rest []sample
}

func (r *recorder) take() (sample, error) {
	if err := r.server.Collect(); err != nil {
		return sample{}, err
	}
	m, err := r.server.Metrics()
	return sample{
		at: time.Since(r.began), heap: m["go_memstats_heap_alloc_bytes"], goroutines: m["go_goroutines"],
		files: float64(r.server.Files()), resident: float64(r.server.RSS()), connections: m["dray_broker_connections"],
	}, err
}

// underLoad samples from when everybody has come until ctx is done.
func (r *recorder) underLoad(ctx context.Context, every time.Duration) error {
	pause(ctx, arrival)
	tick := time.NewTicker(every)
	defer tick.Stop()
	published, at := r.crowd.published.Load(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, err := r.take()
		if err != nil {
			return err
		}
		now, then := r.crowd.published.Load(), at
		at = time.Now()
		s.rate = float64(now-published) / at.Sub(then).Seconds()
		published = now
		r.load = append(r.load, s)
	}
}

// quiet is how long the server may take until it has seen everybody off.
const quiet = time.Minute

// atRest waits until all connections and sessions have ended and ingest has
// caught up, and samples. Of what still moves the least is taken.
func (r *recorder) atRest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	least := nothingYet
	const looks = 12 // three seconds: longer than sessions live
	for left := looks; left > 0; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the server is not at rest: %w", ctx.Err())
		}
		m, err := r.server.Metrics()
		if err != nil {
			return err
		}
		if m["dray_broker_connections"] > 0 || m["dray_stream_backlog_frames"] > 0 {
			continue
		}
		s, err := r.take()
		if err != nil {
			return err
		}
		left--
		least = least.least(s)
	}
	r.rest = append(r.rest, least)
	return nil
}

// judge fails when anything grows, at rest or under load. The first rounds fill
// caches and pools.
func (r *recorder) judge() error {
	return errors.Join(grows("at rest", r.rest[warmUp:]), grows("under load", r.leastUnderLoad()))
}

// leastUnderLoad returns the least that was held in each round after the first
// ones while nearly everybody was there: a sample has what was allocated since
// the garbage collection too, and on a busy machine what waits.
func (r *recorder) leastUnderLoad() []sample {
	var rounds []sample
	for i := warmUp; i < len(r.rest); i++ {
		least := nothingYet
		for _, s := range r.load {
			if r.rest[i-1].at < s.at && s.at < r.rest[i].at && s.connections > 0.9*float64(r.crowd.clients) {
				least = least.least(s)
			}
		}
		if least != nothingYet {
			rounds = append(rounds, least)
		}
	}
	return rounds
}

func grows(when string, samples []sample) error {
	if len(samples) < 3 {
		return nil // no trend can be seen; a run of some minutes has more
	}
	var errs []error
	for _, kind := range kinds {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = kind.of(s)
		}
		grown := slope(values) * float64(len(values)-1)
		if grown > max(kind.least, 0.1*values[0]) {
			errs = append(errs, fmt.Errorf("%s, %s grow: by %.0f from %.0f", when, kind.name, grown, values[0]))
		}
	}
	return errors.Join(errs...)
}

// kinds are what must not grow.
var kinds = []struct {
	name  string
	of    func(sample) float64
	least float64 // growth that is no trend
}{
	{"heap bytes", func(s sample) float64 { return s.heap }, 6e6}, // buffers in pools and the stream's caches come and go
	{"goroutines", func(s sample) float64 { return s.goroutines }, 8},
	{"file descriptors", func(s sample) float64 { return s.files }, 6},
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

// median returns that of samples, 0 of none.
func median(samples []sample, of func(sample) float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// csv writes all samples in the order of time.
func (r *recorder) csv(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"seconds", "state", "heap_bytes", "goroutines", "files", "resident_bytes", "connections", "publishes_per_s"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }
	add := func(state string, s sample) {
		rows = append(rows, []string{number(s.at.Seconds()), state, number(s.heap), number(s.goroutines), number(s.files),
			number(s.resident), number(s.connections), number(s.rate)})
	}
	all := slices.Concat(r.load, r.rest)
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	for _, s := range all {
		if slices.Contains(r.rest, s) {
			add("rest", s)
		} else {
			add("load", s)
		}
	}
	return w.WriteAll(rows)
}
