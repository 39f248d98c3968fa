package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
	"github.com/dray-fleet/dray/store/internal/packed"
)

// Trips returns the trips that overlap [from, to), oldest first; see
// storetest.Store.
func (s *Store) Trips(ctx context.Context, fleetID, driver string, from, to time.Time) ([]fleet.Trip, error) {
	id, err := s.driverID(ctx, fleetID, driver)
	if err != nil {
		return nil, err
	}
	until, err := s.tripsUntil(ctx, id)
	if err != nil {
		return nil, err
	}
	trips, err := collect(ctx, s, "read trips", scanTrip, `SELECT from_at, to_at, from_lat, from_lon, to_lat, to_lon, distance, points, ended
		FROM trips WHERE driver_id = $1 AND from_at < $2 AND from_at < $4 AND to_at > $3 ORDER BY from_at`, id, to, from, until)
	if err != nil || !to.After(until) {
		return trips, err
	}
	fresh, err := packed.Trips(ctx, s.Track, fleet.TrackQuery{Fleet: fleetID, Driver: driver, From: from, To: to}, until)
	return append(trips, fresh...), err
}

func scanTrip(row pgx.CollectableRow) (t fleet.Trip, err error) {
	var lat1, lon1, lat2, lon2 int32
	var distance int64
	err = row.Scan(&t.From, &t.To, &lat1, &lon1, &lat2, &lon2, &distance, &t.Points, &t.Ended)
	t.From, t.To, t.Distance = t.From.UTC(), t.To.UTC(), float64(distance)
	t.FromLat, t.FromLon, t.ToLat, t.ToLon = column.Degree.Float(lat1), column.Degree.Float(lon1), column.Degree.Float(lat2), column.Degree.Float(lon2)
	return t, err
}

// tripsUntil returns until when the trips of a driver are stored; the zero time
// when none are.
func (s *Store) tripsUntil(ctx context.Context, driver int64) (time.Time, error) {
	at, err := one(ctx, s, "read trips", pgx.RowTo[time.Time], "SELECT at FROM trips_until WHERE driver_id = $1", driver)
	if errors.Is(err, fleet.ErrNotFound) {
		return time.Time{}, nil
	}
	return at.UTC(), err
}

// StoreTrips keeps the trips of packed history; see storetest.Store.
func (s *Store) StoreTrips(ctx context.Context, before time.Time, pace func(time.Duration) error) (trips int, err error) {
	before = before.UTC().Truncate(24 * time.Hour) // what is later is not packed yet, and may still change
	type driver struct {
		id            int64
		fleet, driver string
	}
	for after := int64(0); ; {
		list, err := collect(ctx, s, "find new trips", func(row pgx.CollectableRow) (d driver, err error) {
			return d, row.Scan(&d.id, &d.fleet, &d.driver)
		}, `SELECT id, fleet, driver FROM drivers d LEFT JOIN trips_until u ON u.driver_id = d.id
			WHERE id > $1 AND EXISTS (SELECT FROM packed p WHERE p.driver_id = d.id
				AND p.hour > coalesce((extract(epoch FROM u.at) * 1000000)::int8 - $2, 0)) ORDER BY id LIMIT 100`, after, packed.Hour)
		if err != nil || len(list) == 0 {
			return trips, err
		}
		for _, d := range list {
			began := time.Now()
			n, err := s.storeTrips(ctx, d.id, fleet.TrackQuery{Fleet: d.fleet, Driver: d.driver, To: before})
			if err != nil {
				return trips, err
			}
			trips, after = trips+n, d.id
			if err := pace(time.Since(began)); err != nil {
				return trips, err
			}
		}
	}
}

func (s *Store) storeTrips(ctx context.Context, driver int64, q fleet.TrackQuery) (int, error) {
	was, err := s.tripsUntil(ctx, driver)
	if err != nil {
		return 0, err
	}
	q.From = was
	if was.IsZero() {
		q.From = time.UnixMicro(0)
	}
	trips, until, err := packed.NewTrips(ctx, s.Track, q)
	if err != nil || !until.After(was) {
		return 0, err
	}
	return len(trips), s.write(ctx, "store trips", func(ctx context.Context, tx pgx.Tx) error {
		if err := lockErasure(ctx, tx, "pg_advisory_xact_lock_shared"); err != nil {
			return err
		}
		// Late positions, or an erasure, may have changed it meanwhile.
		tag, err := tx.Exec(ctx, `INSERT INTO trips_until AS u (driver_id, at) SELECT $1, $2 WHERE EXISTS (SELECT FROM sources WHERE driver_id = $1)
			ON CONFLICT (driver_id) DO UPDATE SET at = excluded.at WHERE u.at = $3`, driver, until, was)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		for _, t := range trips {
			_, err := tx.Exec(ctx, `INSERT INTO trips (driver_id, from_at, to_at, from_lat, from_lon, to_lat, to_lon, distance, points, ended)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`, driver, t.From, t.To, column.Degree.Int(t.FromLat), column.Degree.Int(t.FromLon),
				column.Degree.Int(t.ToLat), column.Degree.Int(t.ToLon), int64(t.Distance), t.Points, t.Ended)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// reopenTrips forgets the trips that late positions from a time on may change.
func reopenTrips(ctx context.Context, tx pgx.Tx, driver int64, late time.Time) error {
	tag, err := tx.Exec(ctx, `UPDATE trips_until SET at = least($2, (SELECT min(from_at) FROM trips WHERE driver_id = $1 AND to_at >= $2))
		WHERE driver_id = $1 AND at > $3`, driver, late.Add(-fleet.TripGap), late)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM trips WHERE driver_id = $1 AND from_at >= (SELECT at FROM trips_until WHERE driver_id = $1)", driver)
	return err
}
