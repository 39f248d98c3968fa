package main

import (
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
)

const (
	idleConnections  = 4000
	stormConnections = 5000
)

// idle measures what a connection takes that says nothing.
func (b *bench) idle(ctx context.Context) error {
	measure := func(figure string, addr func(*servers.Server) string) func(*servers.Server) error {
		return func(s *servers.Server) error {
			before, err := settled(ctx, s)
			if err != nil {
				return err
			}
			crowd, err := load.Gather(ctx, load.Options{Addr: addr(s), Token: s.Token}, idleConnections)
			if err != nil {
				return err
			}
			defer crowd.Close()
			after, err := settled(ctx, s)
			if err != nil {
				return err
			}
			b.report.add(s.Name, figure, "KB", float64(after-before)/idleConnections/1000)
			if s.Name != dray {
				return nil
			}
			m, err := s.Metrics()
			b.report.add(s.Name, figure+": stacks", "KB", m["go_memstats_stack_inuse_bytes"]/idleConnections/1000)
			b.report.add(s.Name, figure+": live heap", "KB", m["go_memstats_heap_alloc_bytes"]/idleConnections/1000)
			b.report.add(s.Name, figure+": goroutines", "", m["go_goroutines"]/idleConnections)
			return err
		}
	}
	tcp := measure(tcpMemory, func(s *servers.Server) string { return s.MQTT })
	webSocket := measure(wsMemory, func(s *servers.Server) string { return s.WebSocket })
	bare := func() (*servers.Server, error) { return servers.Mochi(b.core) }
	// A server each: what one crowd left behind in memory would serve the next.
	return errors.Join(
		on(b.dray(), tcp), on(b.dray(), webSocket),
		on(bare, tcp), on(bare, webSocket),
		on(b.mosquitto, tcp), on(b.mosquitto, webSocket),
	)
}

// settled returns the resident memory after collections, as soon as it has
// stopped to fall for some seconds: dray returns memory when it is calm.
func settled(ctx context.Context, s *servers.Server) (int, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last, calm := 0, 0; ; {
		if s.Admin != "" {
			if err := s.Collect(); err != nil {
				return 0, err
			}
		}
		rss := s.RSS()
		if last == 0 || rss < last-last/200 {
			last, calm = rss, 0
		} else if calm++; calm == 4 {
			return min(rss, last), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
	}
}

// storm measures connects at once, and what others feel of them.
func (b *bench) storm(ctx context.Context) error {
	return on(b.dray(), func(s *servers.Server) error {
		var live load.Result
		felt := make(chan error, 1)
		started := make(chan struct{})
		go func() {
			opts := load.Options{
				Addr: s.MQTT, Token: s.Token, Fleet: servers.Fleet, Drivers: 100, Rate: 200, Dispatchers: 2,
				Duration: b.length, Measure: func() func() { close(started); return func() {} },
			}
			var err error
			live, err = load.Run(ctx, opts)
			felt <- err
		}()
		select {
		case <-started:
		case err := <-felt:
			return err
		}
		crowd, err := load.Gather(ctx, load.Options{Addr: s.MQTT, Token: s.Token}, stormConnections)
		if err := errors.Join(err, <-felt); err != nil {
			return err
		}
		defer crowd.Close()
		b.report.add(s.Name, connects, "/s", stormConnections/crowd.Elapsed.Seconds())
		b.report.addMillis(s.Name, "connect p99", crowd.Connect.P99)
		b.addLatencies(s.Name, live)
		return nil
	})
}
