package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
)

// liveRate is how many positions a second go on while a backlog is worked off.
const liveRate = 1000

// drain fills the stream without ingest, then starts dray on it and measures how
// fast the backlog becomes rows while 200 drivers go on reporting, what these
// feel of it, and the same when it is done.
func (b *bench) drain(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "dray-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var backlog int64
	err = on(func() (*servers.Server, error) { return servers.Broker(b.core, dir) }, func(s *servers.Server) error {
		for backlog < int64(b.backlog) {
			r, _, err := b.load(ctx, s, load.Options{})
			if err != nil {
				return err
			}
			backlog += r.Acked
		}
		return nil
	})
	if err != nil {
		return err
	}
	began := time.Now()
	return on(func() (*servers.Server, error) { return servers.Dray(b.binary, b.core, dir, all) }, func(s *servers.Server) error {
		drained := make(chan error, 1)
		var memory int
		var took time.Duration
		go func() {
			var err error
			memory, err = awaitRows(ctx, s, float64(backlog))
			took = time.Since(began)
			drained <- err
		}()
		live := func(name string) error {
			r, _, err := b.load(ctx, s, load.Options{Rate: liveRate})
			if err == nil {
				b.addLatencies(name, r)
			}
			return err
		}
		for done := false; !done; {
			if err := live("with a backlog"); err != nil {
				return errors.Join(err, <-drained)
			}
			select {
			case err := <-drained:
				if err != nil {
					return err
				}
				done = true
			default:
			}
		}
		b.report.add(s.Name, "backlog", "", float64(backlog))
		b.report.add(s.Name, drainRate, "/s", float64(backlog)/took.Seconds())
		b.report.add(s.Name, drainMemory, "MB", float64(memory)/1e6)
		return live("without")
	})
}

// awaitRows waits until so many positions are stored, and returns the most
// memory that was used until then.
func awaitRows(ctx context.Context, s *servers.Server, n float64) (memory int, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	longest := 2*time.Minute + time.Duration(n/10_000)*time.Second
	limit := time.After(longest)
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
			return 0, fmt.Errorf("%.0f of %.0f positions are stored after %v", rows, n, longest)
		}
	}
}
