package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/packed"
)

// ReplayAt returns where every driver of a fleet was at a moment; see
// storetest.Store.
func (s *Store) ReplayAt(ctx context.Context, fleetID string, at time.Time) ([]fleet.Position, error) {
	return packed.At(ctx, fleetTables{s, fleetID}, fleetID, at.Add(-fleet.ReplayAge).UnixMicro(), at.UnixMicro())
}

// Replay calls fn with every position of a fleet, oldest first; see
// storetest.Store.
func (s *Store) Replay(ctx context.Context, fleetID string, from, to time.Time, fn func(*fleet.Position) error) error {
	return packed.Replay(ctx, fleetTables{s, fleetID}, fleetID, from.UnixMicro(), to.UnixMicro(), fn)
}

// fleetTables are one fleet's, for package packed.
type fleetTables struct {
	s     *Store
	fleet string
}

// EachPlain calls fn with plain rows; see packed.FleetTables.
func (t fleetTables) EachPlain(ctx context.Context, from, to int64, fn func(packed.FleetRow) error) error {
	for _, table := range []string{"positions", "closing"} { // a day goes from the first to the second
		err := t.eachRow(ctx, fn, "SELECT "+rowColumns+", p.driver_id FROM "+table+` p WHERE p.fix_at >= $2 AND p.fix_at < $3
			AND p.driver_id IN (SELECT id FROM drivers WHERE fleet = $1)`, t.fleet, time.UnixMicro(from), time.UnixMicro(to))
		if err != nil {
			return err
		}
	}
	return nil
}

// NewestPlain calls fn with the newest plain row of each driver; see
// packed.FleetTables.
func (t fleetTables) NewestPlain(ctx context.Context, from, to int64, fn func(packed.FleetRow) error) error {
	for _, table := range []string{"positions", "closing"} {
		err := t.eachRow(ctx, fn, "SELECT "+rowColumns+", p.driver_id FROM drivers d CROSS JOIN LATERAL (SELECT * FROM "+table+` WHERE driver_id = d.id
				AND fix_at >= $2 AND fix_at < $3 ORDER BY fix_at DESC, source_id DESC, seq DESC LIMIT 1) p
			WHERE d.fleet = $1`, t.fleet, time.UnixMicro(from), time.UnixMicro(to))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t fleetTables) eachRow(ctx context.Context, fn func(packed.FleetRow) error, query string, args ...any) error {
	var driver int64
	rows := newRowScanner(&driver)
	return t.s.each(ctx, "replay", func(row pgx.CollectableRow) error {
		r, err := rows.scan(row)
		if err != nil {
			return err
		}
		return fn(packed.FleetRow{Driver: driver, Row: r})
	}, query, args...)
}

// EachBlock calls fn with the blocks of an hour; see packed.FleetTables.
func (t fleetTables) EachBlock(ctx context.Context, hour int64, fn func(packed.Block) error) error {
	return t.s.each(ctx, "replay", func(row pgx.CollectableRow) error {
		b, err := scanBlock(row)
		if err != nil {
			return err
		}
		return fn(b)
	}, "SELECT p.driver_id, p.hour, p.body FROM drivers d JOIN packed p ON p.driver_id = d.id WHERE d.fleet = $1 AND p.hour = $2", t.fleet, hour)
}

// Count returns how many rows an hour has; see packed.FleetTables.
func (t fleetTables) Count(ctx context.Context, hour int64) (int, error) {
	const between = " WHERE fix_at >= $3 AND fix_at < $4 AND driver_id IN (SELECT id FROM drivers WHERE fleet = $1)"
	return one(ctx, t.s, "replay", pgx.RowTo[int], `SELECT coalesce((SELECT sum(n) FROM packed WHERE hour = $2 AND driver_id IN (SELECT id FROM drivers WHERE fleet = $1)), 0)
		+ (SELECT count(*) FROM positions`+between+`) + (SELECT count(*) FROM closing`+between+`)`,
		t.fleet, hour, time.UnixMicro(hour), time.UnixMicro(hour+packed.Hour))
}

// Drivers returns the names of the fleet's drivers; see packed.FleetTables.
func (t fleetTables) Drivers(ctx context.Context) (map[int64]string, error) {
	names := map[int64]string{}
	err := t.s.each(ctx, "replay", func(row pgx.CollectableRow) error {
		var id int64
		var name string
		err := row.Scan(&id, &name)
		names[id] = name
		return err
	}, "SELECT id, driver FROM drivers WHERE fleet = $1", t.fleet)
	return names, err
}

// Names returns who reported; see packed.FleetTables.
func (t fleetTables) Names(ctx context.Context, sources []int64) (map[int64]packed.Name, error) {
	return tables{s: t.s}.Names(ctx, sources)
}

// each runs a query and calls fn for each row.
func (s *Store) each(ctx context.Context, what string, fn func(pgx.CollectableRow) error, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return failed(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return failedOr(what, rows.Err())
}
