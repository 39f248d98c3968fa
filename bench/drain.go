package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
)

// drain fills the stream without ingest, then starts dray on it and measures how
// fast the backlog becomes rows while 200 drivers go on reporting.
func (b *bench) drain(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "dray-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var backlog int64
	err = on(func() (*servers.Server, error) { return servers.Broker(b.core, dir) }, func(s *servers.Server) error {
		r, _, err := b.load(ctx, s, load.Options{})
		backlog = r.Acked
		return err
	})
	if err != nil {
		return err
	}
	began := time.Now()
	return on(func() (*servers.Server, error) { return servers.Dray(b.binary, b.core, dir, all) }, func(s *servers.Server) error {
		felt := make(chan error, 1)
		var live load.Result
		go func() {
			var err error
			live, _, err = b.load(ctx, s, load.Options{Rate: 1000})
			felt <- err
		}()
		memory, err := awaitRows(ctx, s, float64(backlog))
		took := time.Since(began)
		if liveErr := <-felt; err == nil {
			err = liveErr
		}
		if err != nil {
			return err
		}
		b.report.add(s.Name, "drained", "/s", float64(backlog)/took.Seconds())
		b.report.add(s.Name, "memory meanwhile, most", "MB", float64(memory)/1e6)
		b.addLatencies(s.Name, live)
		return nil
	})
}

// awaitRows waits until so many positions are stored, and returns the most
// memory that was used until then.
func awaitRows(ctx context.Context, s *servers.Server, n float64) (memory int, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(2 * time.Minute)
	for {
		m, err := s.Metrics()
		if err != nil {
			return 0, err
		}
		memory = max(memory, s.RSS())
		rows := m["dray_ingest_positions_stored_total"]
		if rows >= n {
			return memory, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-limit:
			return 0, fmt.Errorf("%.0f of %.0f positions are stored after two minutes", rows, n)
		}
	}
}
