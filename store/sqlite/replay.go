package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// CROSS JOIN keeps the order: each driver of the fleet has its own place in the
// index of the other table.
const ofFleet = " FROM drivers d CROSS JOIN %s p ON p.driver_id = d.id WHERE d.fleet = ? AND "

// EachPlain calls fn with plain rows; see packed.FleetTables.
func (t fleetTables) EachPlain(ctx context.Context, from, to int64, fn func(packed.FleetRow) error) error {
	row := newRowScanner()
	return each(ctx, t.s.reader, "replay", func(scan func(...any) error) error {
		var driver int64
		r, err := row.scan(func(columns ...any) error { return scan(append(columns, &driver)...) })
		if err != nil {
			return err
		}
		return fn(packed.FleetRow{Driver: driver, Row: r})
	}, "SELECT "+rowColumns+", driver_id"+fmt.Sprintf(ofFleet, "positions")+"p.fix_at >= ? AND p.fix_at < ?", t.fleet, from, to)
}

// NewestPlain calls fn with the newest plain row of each driver; see
// packed.FleetTables.
func (t fleetTables) NewestPlain(ctx context.Context, from, to int64, fn func(packed.FleetRow) error) error {
	row := newRowScanner()
	return each(ctx, t.s.reader, "replay", func(scan func(...any) error) error {
		var driver int64
		r, err := row.scan(func(columns ...any) error { return scan(append(columns, &driver)...) })
		if err != nil {
			return err
		}
		return fn(packed.FleetRow{Driver: driver, Row: r})
	}, "SELECT "+rowColumns+`, driver_id FROM drivers d CROSS JOIN positions p
		ON (p.driver_id, p.fix_at, p.source_id, p.seq) = (SELECT driver_id, fix_at, source_id, seq FROM positions
			WHERE driver_id = d.id AND fix_at >= ?2 AND fix_at < ?3 ORDER BY fix_at DESC, source_id DESC, seq DESC LIMIT 1)
		WHERE d.fleet = ?1`, t.fleet, from, to)
}

// EachBlock calls fn with the blocks of an hour; see packed.FleetTables.
func (t fleetTables) EachBlock(ctx context.Context, hour int64, fn func(packed.Block) error) error {
	return eachBlock(ctx, t.s.reader, fn, "SELECT p.driver_id, p.hour, p.part, p.body"+fmt.Sprintf(ofFleet, "packed")+"p.hour = ? ORDER BY d.driver, p.part", t.fleet, hour)
}

// Count returns how many rows an hour has; see packed.FleetTables.
func (t fleetTables) Count(ctx context.Context, hour int64) (n int, err error) {
	err = t.s.reader.QueryRowContext(ctx, "SELECT (SELECT coalesce(sum(p.n), 0)"+fmt.Sprintf(ofFleet, "packed")+"p.hour = ?) + (SELECT count(*)"+
		fmt.Sprintf(ofFleet, "positions")+"p.fix_at >= ? AND p.fix_at < ?)", t.fleet, hour, t.fleet, hour, hour+packed.Hour).Scan(&n)
	return n, readError("replay", err)
}

// Drivers returns the names of the fleet's drivers; see packed.FleetTables.
func (t fleetTables) Drivers(ctx context.Context) (map[int64]string, error) {
	names := map[int64]string{}
	err := each(ctx, t.s.reader, "replay", func(scan func(...any) error) error {
		var id int64
		var name string
		err := scan(&id, &name)
		names[id] = name
		return err
	}, "SELECT id, driver FROM drivers WHERE fleet = ?", t.fleet)
	return names, err
}

// Names returns who reported; see packed.FleetTables.
func (t fleetTables) Names(ctx context.Context, sources []int64) (map[int64]packed.Name, error) {
	return tables{s: t.s}.Names(ctx, sources)
}

// each runs a query and calls scan for each row.
func each(ctx context.Context, db querier, what string, scan func(func(...any) error) error, query string, args ...any) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return failed(what, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return failed(what, err)
	}
	return nil
}
