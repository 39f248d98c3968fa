package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // to look into dray's database while it runs

	"github.com/dray-fleet/dray/bench/load"
	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/sqlite"
)

// A history is what is measured of a store.
type history interface {
	Migrate(ctx context.Context) error
	SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error)
	Drivers(ctx context.Context, q fleet.DriverQuery) ([]fleet.Driver, error)
	Track(ctx context.Context, q fleet.TrackQuery, fn func(*fleet.Position) error) error
	Pack(ctx context.Context, before time.Time, pace func(time.Duration) error) (fleet.Packing, error)
	Space(ctx context.Context) (fleet.Space, error)
	Close() error
}

// onPostgres and onSQLite give f an empty store, on all cores: what runs beside
// it in life is measured in the other scenarios.
func onPostgres(ctx context.Context, f func(history, *servers.Server) error) error {
	return on(func() (*servers.Server, error) { return servers.Postgres("") }, func(s *servers.Server) error {
		store, err := postgres.Open(ctx, s.PostgresURL())
		if err != nil {
			return err
		}
		return errors.Join(store.Migrate(ctx), f(store, s), store.Close())
	})
}

func onSQLite(ctx context.Context, f func(history) error) error {
	dir, err := os.MkdirTemp("", "dray-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, filepath.Join(dir, "dray.db"))
	if err != nil {
		return err
	}
	return errors.Join(store.Migrate(ctx), f(store), store.Close())
}

const (
	// batchSize is what ingest saves at once under load.
	batchSize = 20_000
	// partitions of the stream, a quarter of what a cluster has: each has a writer.
	partitions = 4
	// fleetSize is how many drivers report every five seconds.
	fleetSize = 10_000
)

func (b *bench) store(ctx context.Context) error {
	return errors.Join(
		onPostgres(ctx, func(h history, s *servers.Server) error {
			return errors.Join(b.save(ctx, "PostgreSQL", h, partitions), b.updates(ctx, s))
		}),
		onPostgres(ctx, func(h history, _ *servers.Server) error { return b.save(ctx, "PostgreSQL, one partition", h, 1) }),
		onSQLite(ctx, func(h history) error { return b.save(ctx, "SQLite", h, 1) }),
		on(b.dray(all), func(s *servers.Server) error { return b.commit(ctx, s) }),
	)
}

// save measures batches of a fleet on the road, as ingest makes them: the drivers
// are divided among partitions, each of which has one writer and its offset.
func (b *bench) save(ctx context.Context, name string, h history, partitions int) error {
	var writers []*writer
	for i := range partitions {
		w := &writer{store: h, partition: i, convoy: newConvoy(i*fleetSize/partitions, fleetSize/partitions, 5*time.Second)}
		w.prepare(fleetSize / partitions)
		if err := w.save(ctx); err != nil { // creates the drivers
			return fmt.Errorf("%s: %w", name, err)
		}
		writers = append(writers, w)
	}
	const atOnce = 5 // batches of a writer that are ready when the clock starts
	var spent time.Duration
	count := 0
	for spent < b.length {
		for _, w := range writers {
			for range atOnce {
				w.prepare(batchSize)
			}
		}
		began := time.Now()
		g, ctx := errgroup.WithContext(ctx)
		for _, w := range writers {
			g.Go(func() error { return w.save(ctx) })
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		spent += time.Since(began)
		count += partitions * atOnce * batchSize
	}
	b.report.add(name, stored, "/s", float64(count)/spent.Seconds())
	return nil
}

// A writer saves what the drivers of one partition report.
type writer struct {
	store     history
	partition int
	convoy    *convoy
	seq       uint64
	ready     []*fleet.Batch
}

// prepare readies a batch of n positions.
func (w *writer) prepare(n int) {
	w.seq++
	ps := w.convoy.batch(n)
	w.ready = append(w.ready, &fleet.Batch{
		Offset:    &fleet.Offset{Stream: "bench", Partition: w.partition, Seq: w.seq},
		Positions: ps, Latest: newest(ps),
	})
}

// save saves what is ready.
func (w *writer) save(ctx context.Context) error {
	for _, batch := range w.ready {
		saved, err := w.store.SaveBatch(ctx, batch)
		if err == nil && saved.Positions != len(batch.Positions) {
			err = fmt.Errorf("saved %+v of %d", saved, len(batch.Positions))
		}
		if err != nil {
			return err
		}
	}
	w.ready = nil
	return nil
}

// newest returns the last position of each driver in ps.
func newest(ps []fleet.Position) []fleet.Position {
	last := map[string]int{}
	for i := range ps {
		last[ps[i].Driver] = i
	}
	list := make([]fleet.Position, 0, len(last))
	for _, i := range last {
		list = append(list, ps[i])
	}
	return list
}

// updates measures the design that dray replaces on the same database: each
// message is an UPDATE of its own over one connection, prepared once and
// committed before the next. Table, statement and drivers are those of
// socketio/server.js.
func (b *bench) updates(ctx context.Context, s *servers.Server) error {
	conn, err := pgx.Connect(ctx, s.PostgresURL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `CREATE TABLE socketio_drivers (
		id text PRIMARY KEY, lat double precision, lon double precision, accuracy_m real,
		speed_mps real, heading_deg real, battery_pct real, fix_at timestamptz)`)
	if err != nil {
		return err
	}
	fleetOnTheRoad := newConvoy(0, fleetSize, 5*time.Second)
	if _, err := conn.Exec(ctx, "INSERT INTO socketio_drivers (id) SELECT unnest($1::text[])", fleetOnTheRoad.drivers); err != nil {
		return err
	}
	var spent time.Duration
	count := 0
	for spent < b.length {
		ps := fleetOnTheRoad.batch(1000)
		began := time.Now()
		for i := range ps {
			p := &ps[i]
			_, err := conn.Exec(ctx, `UPDATE socketio_drivers SET lat = $2, lon = $3, accuracy_m = $4, speed_mps = $5, heading_deg = $6,
				battery_pct = $7, fix_at = to_timestamp($8 / 1000.0) WHERE id = $1`,
				p.Driver, p.Lat, p.Lon, p.Accuracy.V, p.Speed.V, p.Heading.V, 80.0, float64(p.FixAt.UnixMilli()))
			if err != nil {
				return err
			}
		}
		spent += time.Since(began)
		count += len(ps)
	}
	b.report.add("one UPDATE per message", stored, "/s", float64(count)/spent.Seconds())
	return nil
}

// commit measures when a position can be read from the database, at 2,000/s. The
// clock starts when it is published, before its acknowledgement.
func (b *bench) commit(ctx context.Context, s *servers.Server) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Dir, "dray.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer db.Close()
	seeing, stop := context.WithCancel(ctx)
	var delays []time.Duration
	seen := make(chan error, 1)
	go func() {
		var err error
		delays, err = watchRows(seeing, db)
		seen <- err
	}()
	r, _, err := b.load(ctx, s, load.Options{Rate: 2000})
	select {
	case <-time.After(time.Second): // for the last rows
	case <-ctx.Done():
	}
	stop()
	if err := errors.Join(err, <-seen); err != nil {
		return err
	}
	if int64(len(delays)) != r.Acked {
		return fmt.Errorf("%d acknowledged, and %d rows a second later", r.Acked, len(delays))
	}
	slices.Sort(delays)
	b.report.addMillis(s.Name, "acknowledgement to row p50", delays[len(delays)/2])
	b.report.addMillis(s.Name, committed, delays[len(delays)*99/100])
	return nil
}

// watchRows returns how old each new row is when it is first seen. A driver's
// fixes are stored in the order of their times.
func watchRows(ctx context.Context, db *sql.DB) ([]time.Duration, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var delays []time.Duration
	newest := map[int64]int64{} // of each driver
	for {
		select {
		case <-ctx.Done():
			return delays, nil
		case <-tick.C:
		}
		list, err := json.Marshal(newest)
		if err != nil {
			return nil, err
		}
		rows, err := db.Query(`SELECT d.id, p.fix_at FROM drivers d JOIN positions p
			ON p.driver_id = d.id AND p.fix_at > coalesce(?1 ->> ('$.' || d.id), 0) ORDER BY d.id, p.fix_at`, string(list))
		if err != nil {
			return nil, err
		}
		now := time.Now()
		for rows.Next() {
			var driver, fixAt int64
			if err := rows.Scan(&driver, &fixAt); err != nil {
				return nil, err
			}
			newest[driver] = fixAt
			delays = append(delays, now.Sub(time.UnixMicro(fixAt)))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
}
