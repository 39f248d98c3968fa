package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

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
	trips, err := collect(ctx, s.reader, "read trips", scanTrip, `SELECT from_at, to_at, from_lat, from_lon, to_lat, to_lon, distance, points, ended
		FROM trips WHERE driver_id = ? AND from_at < ? AND to_at > ? AND from_at < ? ORDER BY from_at`, id, to.UnixMicro(), from.UnixMicro(), until.UnixMicro())
	if err != nil || !to.After(until) {
		return trips, err
	}
	fresh, err := packed.Trips(ctx, s.Track, fleet.TrackQuery{Fleet: fleetID, Driver: driver, From: from, To: to}, until)
	return append(trips, fresh...), err
}

func scanTrip(scan func(...any) error) (t fleet.Trip, err error) {
	var from, to int64
	var lat1, lon1, lat2, lon2 int32
	err = scan(&from, &to, &lat1, &lon1, &lat2, &lon2, &t.Distance, &t.Points, &t.Ended)
	t.From, t.To = column.Time(&from), column.Time(&to)
	t.FromLat, t.FromLon, t.ToLat, t.ToLon = column.Degree.Float(lat1), column.Degree.Float(lon1), column.Degree.Float(lat2), column.Degree.Float(lon2)
	return t, err
}

// tripsUntil returns until when the trips of a driver are stored; the zero time
// when none are.
func (s *Store) tripsUntil(ctx context.Context, driver int64) (time.Time, error) {
	var at int64
	err := s.reader.QueryRowContext(ctx, "SELECT at FROM trips_until WHERE driver_id = ?", driver).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return column.Time(&at), readError("read trips", err)
}

// StoreTrips keeps the trips of packed history; see storetest.Store.
func (s *Store) StoreTrips(ctx context.Context, before time.Time, pace func(time.Duration) error) (trips int, err error) {
	type driver struct {
		id            int64
		fleet, driver string
	}
	for after := int64(0); ; {
		list, err := collect(ctx, s.reader, "find new trips", func(scan func(...any) error) (d driver, err error) {
			return d, scan(&d.id, &d.fleet, &d.driver)
		}, `SELECT id, fleet, driver FROM drivers d LEFT JOIN trips_until u ON u.driver_id = d.id
			WHERE id > ? AND EXISTS (SELECT 1 FROM packed p WHERE p.driver_id = d.id AND p.hour > coalesce(u.at - ?, 0)) ORDER BY id LIMIT 100`, after, packed.Hour)
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
	return len(trips), s.write(ctx, "store trips", func(tx *sql.Tx) error {
		// Late positions, or an erasure, may have changed it meanwhile.
		n, err := affected(tx.ExecContext(ctx, `INSERT INTO trips_until (driver_id, at) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM sources WHERE driver_id = ?1)
			ON CONFLICT DO UPDATE SET at = excluded.at WHERE at = ?3`, driver, until.UnixMicro(), was.UnixMicro()))
		if err != nil || n == 0 {
			return err
		}
		for _, t := range trips {
			_, err := tx.ExecContext(ctx, `INSERT INTO trips (driver_id, from_at, to_at, from_lat, from_lon, to_lat, to_lon, distance, points, ended)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, driver, t.From.UnixMicro(), t.To.UnixMicro(), column.Degree.Int(t.FromLat), column.Degree.Int(t.FromLon),
				column.Degree.Int(t.ToLat), column.Degree.Int(t.ToLon), int64(t.Distance), t.Points, t.Ended)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// reopenTrips forgets the trips that late positions of an hour may change.
func reopenTrips(ctx context.Context, tx *sql.Tx, driver, hour int64) error {
	from := hour - fleet.TripGap.Microseconds()
	_, err := tx.ExecContext(ctx, `UPDATE trips_until SET at = min(?2, coalesce((SELECT min(from_at) FROM trips WHERE driver_id = ?1 AND to_at >= ?2), ?2))
		WHERE driver_id = ?1 AND at > ?3`, driver, from, hour)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM trips WHERE driver_id = ?1 AND from_at >= (SELECT at FROM trips_until WHERE driver_id = ?1)", driver)
	return err
}
