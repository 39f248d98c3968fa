package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
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

// batchSize is what ingest saves at once under load.
const batchSize = 20_000

func (b *bench) store(ctx context.Context) error {
	return errors.Join(
		onPostgres(ctx, func(h history, s *servers.Server) error {
			return errors.Join(b.save(ctx, "PostgreSQL", h), b.updates(ctx, s))
		}),
		onSQLite(ctx, func(h history) error { return b.save(ctx, "SQLite", h) }),
		on(b.dray(all), func(s *servers.Server) error { return b.commit(ctx, s) }),
	)
}

// save measures batches of a fleet of 10,000 that reports every five seconds,
// with the latest position of each.
func (b *bench) save(ctx context.Context, name string, h history) error {
	fleetOnTheRoad := newConvoy(10_000, 5*time.Second)
	warm := fleetOnTheRoad.batch(10_000) // creates the drivers
	if _, err := h.SaveBatch(ctx, &fleet.Batch{Positions: warm, Latest: warm}); err != nil {
		return err
	}
	var spent time.Duration
	count := 0
	for seq := uint64(1); spent < b.length; seq++ {
		ps := fleetOnTheRoad.batch(batchSize)
		began := time.Now()
		saved, err := h.SaveBatch(ctx, &fleet.Batch{Offset: &fleet.Offset{Stream: "bench", Seq: seq}, Positions: ps, Latest: ps})
		if err != nil || saved.Positions != batchSize {
			return fmt.Errorf("%s saved %+v: %w", name, saved, err)
		}
		spent += time.Since(began)
		count += batchSize
	}
	b.report.add(name, stored, "/s", float64(count)/spent.Seconds())
	return nil
}

// updates measures the design that dray replaces on the same database: each
// message is an UPDATE of its own over one connection.
func (b *bench) updates(ctx context.Context, s *servers.Server) error {
	conn, err := pgx.Connect(ctx, s.PostgresURL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `CREATE TABLE plain AS SELECT i AS id, 0::float8 AS lat, 0::float8 AS lon, now() AS fix_at FROM generate_series(1, 10000) i;
		ALTER TABLE plain ADD PRIMARY KEY (id)`)
	if err != nil {
		return err
	}
	count, began := 0, time.Now()
	for time.Since(began) < b.length {
		if _, err := conn.Exec(ctx, "UPDATE plain SET lat = $2, lon = $3, fix_at = $4 WHERE id = $1", 1+count%10_000, 59.1, 18.2, time.Now()); err != nil {
			return err
		}
		count++
	}
	b.report.add("one UPDATE per message", stored, "/s", float64(count)/time.Since(began).Seconds())
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

// watchRows returns how old each new row is when it is first seen.
func watchRows(ctx context.Context, db *sql.DB) ([]time.Duration, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var delays []time.Duration
	last := int64(0)
	for {
		select {
		case <-ctx.Done():
			return delays, nil
		case <-tick.C:
		}
		rows, err := db.Query("SELECT rowid, fix_at FROM positions WHERE rowid > ? ORDER BY rowid", last)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		for rows.Next() {
			var fixAt int64
			if err := rows.Scan(&last, &fixAt); err != nil {
				return nil, err
			}
			delays = append(delays, now.Sub(time.UnixMicro(fixAt)))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
}
