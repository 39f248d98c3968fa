package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/fleet"
)

// The names of reads.
const (
	driverDay = "a driver-day of 5,000 fixes, p50"
	packedDay = "the same when packed, p50"
	density   = "packed, with all indexes"
	latest    = "latest of 10,000 drivers of 50,000, p50"
	area      = "latest in 1 % of the area, p50"
)

// reads is how often each read is repeated.
const reads = 51

// dayFixes are the positions of one driver in a day.
const dayFixes = 5000

// read measures what people look at, in databases that are full.
func (b *bench) read(ctx context.Context) error {
	err := onPostgres(ctx, func(h history, s *servers.Server) error {
		// What autovacuum does in its time, which could be while we measure.
		settle := func() error {
			conn, err := pgx.Connect(ctx, s.PostgresURL())
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, "VACUUM (ANALYZE) positions")
			return errors.Join(err, conn.Close(ctx))
		}
		return b.readFrom(ctx, "PostgreSQL", h, settle)
	})
	if err != nil {
		return err
	}
	return onSQLite(ctx, func(h history) error { return b.readFrom(ctx, "SQLite", h, func() error { return nil }) })
}

// readFrom fills h and measures it. settle is called when it is full.
func (b *bench) readFrom(ctx context.Context, name string, h history, settle func() error) error {
	drivers := max(b.rows/dayFixes, 1)
	day := newConvoy(0, drivers, 24*time.Hour/dayFixes)
	empty, err := h.Space(ctx)
	if err != nil {
		return err
	}
	for left := drivers * dayFixes; left > 0; left -= batchSize {
		if _, err := h.SaveBatch(ctx, &fleet.Batch{Positions: day.batch(batchSize)}); err != nil {
			return err
		}
	}
	if err := settle(); err != nil {
		return err
	}
	readDay := func(i int) error {
		n := 0
		q := fleet.TrackQuery{Fleet: servers.Fleet, Driver: day.drivers[i*37%drivers], From: morning, To: morning.Add(24 * time.Hour)}
		err := h.Track(ctx, q, func(*fleet.Position) error { n++; return nil })
		if err == nil && n < dayFixes {
			err = fmt.Errorf("%d fixes of a day of %d", n, dayFixes)
		}
		return err
	}
	if err := b.time(name, driverDay, readDay); err != nil {
		return err
	}
	packing, err := h.Pack(ctx, morning.Add(48*time.Hour), func(time.Duration) error { return ctx.Err() })
	if err == nil && packing.Positions != drivers*dayFixes {
		err = fmt.Errorf("%d positions of %d are packed", packing.Positions, drivers*dayFixes)
	}
	if err != nil {
		return err
	}
	full, err := h.Space(ctx)
	if err != nil {
		return err
	}
	b.report.add(name, density, "B a position", float64(full.Bytes-empty.Bytes)/float64(drivers*dayFixes))
	if err := b.time(name, packedDay, readDay); err != nil {
		return err
	}
	all := newConvoy(0, 50_000, time.Second).batch(50_000)
	if _, err := h.SaveBatch(ctx, &fleet.Batch{Latest: all}); err != nil {
		return err
	}
	if err := b.time(name, latest, func(int) error { return page(ctx, h, 10_000) }); err != nil {
		return err
	}
	b.report.add(name, "rows", "", float64(drivers*dayFixes))
	return b.time(name, area, func(i int) error {
		west := 17 + float64(i%9)/10
		q := fleet.DriverQuery{Fleet: servers.Fleet, Limit: 1000, Box: &fleet.Box{West: west, South: 59.4, East: west + 0.1, North: 59.5}}
		list, err := h.Drivers(ctx, q)
		if err == nil && len(list) < 100 {
			err = fmt.Errorf("%d drivers in the area", len(list))
		}
		return err
	})
}

// time adds the median of repeated reads to the report.
func (b *bench) time(name, figure string, read func(i int) error) error {
	var took []time.Duration
	for i := range reads {
		began := time.Now()
		if err := read(i); err != nil {
			return fmt.Errorf("%s: %s: %w", name, figure, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.report.addMillis(name, figure, took[reads/2])
	return nil
}

// page reads n drivers in pages of 1,000.
func page(ctx context.Context, h history, n int) error {
	q := fleet.DriverQuery{Fleet: servers.Fleet, Limit: 1000}
	for n > 0 {
		list, err := h.Drivers(ctx, q)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("%d drivers are missing", n)
		}
		q.After = list[len(list)-1].ID
		n -= len(list)
	}
	return nil
}
