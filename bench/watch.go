package main

import (
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
)

// fanOut measures deliveries to 50 dispatchers who keep up: at a rate near the
// top of each system, and dray at mosquitto's too. A dispatcher of dray that is
// slower than that would get the newest of each driver instead of all.
func (b *bench) fanOut(ctx context.Context) error {
	const drayRate, mosquittoRate = 25_000, 2_000
	deliver := func(name string, rate int) func(*servers.Server) error {
		return func(s *servers.Server) error {
			r, used, err := b.load(ctx, s, load.Options{Dispatchers: 50, Rate: rate})
			if err != nil {
				return err
			}
			b.report.add(name, "deliveries", "/s", float64(r.Delivered)/r.Elapsed.Seconds())
			b.report.add(name, cpuDeliver, "s", used.Seconds()/float64(r.Delivered)*1e6)
			b.report.addMillis(name, deliveryP99, r.Delivery.P99)
			b.report.add(name, lost, "", float64(r.Expected-r.Delivered))
			return nil
		}
	}
	return errors.Join(
		on(b.dray(deep), deliver(dray, drayRate)),
		on(b.mosquitto, deliver(mosquitto, mosquittoRate)),
		on(b.dray(deep), deliver("dray at mosquitto's rate", mosquittoRate)),
	)
}

// live compares the raw feed with live frames, and both with nobody watching:
// what watching costs is the difference.
func (b *bench) live(ctx context.Context) error {
	watch := func(name string, dispatchers int, filter string) (float64, error) {
		var share float64
		err := on(b.dray(), func(s *servers.Server) error {
			r, used, err := b.load(ctx, s, load.Options{Drivers: 2000, Rate: 2000, Dispatchers: dispatchers, Filter: filter})
			if err != nil {
				return err
			}
			share = used.Seconds() / max(r.Elapsed, b.length).Seconds() * 100
			b.report.add(name, "server CPU in all", "% of a core", share)
			b.report.add(name, "to each dispatcher", "KB/s", float64(r.Bytes)/float64(dispatchers)/r.Elapsed.Seconds()/1000)
			return nil
		})
		return share, err
	}
	idle, err := watch("nobody watches", 1, "fleet/bench/alerts/+")
	if err != nil {
		return err
	}
	raw, err := watch("raw feed", 50, "")
	if err != nil {
		return err
	}
	frames, err := watch("live frames", 50, "fleet/bench/live")
	if err != nil {
		return err
	}
	b.report.add("raw feed", cpuLoad, "% of a core", raw-idle)
	b.report.add("live frames", cpuLoad, "% of a core", max(frames-idle, 0))
	return nil
}

// latency measures a load far from any limit.
func (b *bench) latency(ctx context.Context) error {
	measure := func(s *servers.Server) error {
		r, used, err := b.load(ctx, s, load.Options{Rate: 1000, Dispatchers: 10})
		if err != nil {
			return err
		}
		b.addLatencies(s.Name, r)
		b.report.add(s.Name, cpuLoad, "% of a core", used.Seconds()/max(r.Elapsed, b.length).Seconds()*100)
		return nil
	}
	return errors.Join(on(b.dray(), measure), on(b.mosquitto, measure))
}

func (b *bench) addLatencies(name string, r load.Result) {
	b.report.addMillis(name, deliveryP50, r.Delivery.P50)
	b.report.addMillis(name, deliveryP99, r.Delivery.P99)
	b.report.addMillis(name, ackP50, r.Ack.P50)
	b.report.addMillis(name, ackP99, r.Ack.P99)
}

// stalled compares a load with and without a subscriber that never reads, in
// turn on the same server: 2,000 messages/s soon fill its buffers.
func (b *bench) stalled(ctx context.Context) error {
	return on(b.dray(), func(s *servers.Server) error {
		var heap [2]float64
		for i, name := range []string{"without", "with"} {
			opts := load.Options{Rate: 2000, Dispatchers: 5, Stalled: i, Duration: 2 * b.length}
			var after error
			var most float64
			watching, stop := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() {
				defer close(done)
				most, after = mostHeap(watching, s)
			}()
			r, _, err := b.load(ctx, s, opts)
			stop()
			<-done
			if err := errors.Join(err, after); err != nil {
				return err
			}
			heap[i] = most
			b.addLatencies(name, r)
			b.report.add(name, "heap, most in use", "MB", most/1e6)
		}
		b.report.add("with", "heap more", "MB", max(heap[1]-heap[0], 0)/1e6)
		return nil
	})
}

// mostHeap returns the most live heap that was seen until ctx is done, looking
// after a collection each time.
func mostHeap(ctx context.Context, s *servers.Server) (float64, error) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var most float64
	for {
		select {
		case <-ctx.Done():
			return most, nil
		case <-tick.C:
		}
		if err := s.Collect(); err != nil {
			return 0, err
		}
		m, err := s.Metrics()
		if err != nil {
			return 0, err
		}
		most = max(most, m["go_memstats_heap_alloc_bytes"])
	}
}
