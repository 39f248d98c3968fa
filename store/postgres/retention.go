package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
)

// SaveRetention sets how long the history of a fleet is kept.
func (s *Store) SaveRetention(ctx context.Context, r fleet.Retention) error {
	if err := r.Validate(); err != nil {
		return err
	}
	return s.write(ctx, "save retention", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := ensureFleet(ctx, tx, r.Fleet); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO retention (fleet, raw_days, packed_months) VALUES ($1, $2, $3)
			ON CONFLICT (fleet) DO UPDATE SET raw_days = excluded.raw_days, packed_months = excluded.packed_months`, r.Fleet, r.RawDays, r.PackedMonths)
		return err
	})
}

// Retentions returns those that are set, by fleet.
func (s *Store) Retentions(ctx context.Context) ([]fleet.Retention, error) {
	return collect(ctx, s, "read retention", pgx.RowToStructByPos[fleet.Retention], "SELECT fleet, raw_days, packed_months FROM retention ORDER BY fleet")
}

// Retention returns that of a fleet; one that is not set keeps everything.
func (s *Store) Retention(ctx context.Context, fleetID string) (fleet.Retention, error) {
	r, err := one(ctx, s, "read retention", pgx.RowToStructByPos[fleet.Retention], "SELECT fleet, raw_days, packed_months FROM retention WHERE fleet = $1", fleetID)
	if errors.Is(err, fleet.ErrNotFound) {
		return fleet.Retention{Fleet: fleetID}, nil
	}
	return r, err
}

// What retention removes: $1 is the fleet, $2 the time before which it goes.
const (
	expiringBlocks      = "packed WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = $1) AND hour < $2"
	expiringPositions   = "positions WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = $1) AND fix_at < $2"
	expiringClosing     = "closing WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = $1) AND fix_at < $2"
	expiringQuarantined = "quarantined WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = $1) AND received_at < $2"
	expiringLetters     = "dead_letters WHERE fleet = $1 AND received_at < $2"
)

// Expiring returns what Expire would remove.
func (s *Store) Expiring(ctx context.Context, e fleet.Expiry) (fleet.Expiry, error) {
	if !e.Before.IsZero() {
		row := func(row pgx.CollectableRow) (v [2]int64, err error) { return v, row.Scan(&v[0], &v[1]) }
		blocks, err := one(ctx, s, "count what expires", row, "SELECT coalesce(sum(n), 0), coalesce(sum(length(body)), 0) FROM "+expiringBlocks, e.Fleet, e.Before.UnixMicro())
		if err != nil {
			return e, err
		}
		plain, err := one(ctx, s, "count what expires", row, "SELECT (SELECT count(*) FROM "+expiringPositions+"), (SELECT count(*) FROM "+expiringClosing+")", e.Fleet, e.Before)
		if err != nil {
			return e, err
		}
		e.Positions, e.Bytes = blocks[0]+plain[0]+plain[1], blocks[1]
	}
	if e.RawBefore.IsZero() {
		return e, nil
	}
	var err error
	if e.Quarantined, err = one(ctx, s, "count what expires", pgx.RowTo[int64], "SELECT count(*) FROM "+expiringQuarantined, e.Fleet, e.RawBefore); err != nil {
		return e, err
	}
	e.DeadLetters, err = one(ctx, s, "count what expires", pgx.RowTo[int64], "SELECT count(*) FROM "+expiringLetters, e.Fleet, e.RawBefore)
	return e, err
}

// expireRows bounds the rows of one statement of Expire.
const expireRows = 5000

// Expire removes what is older than the list says: months and days that every
// fleet is done with as whole partitions, the rest row by row; see
// storetest.Store.
func (s *Store) Expire(ctx context.Context, list []fleet.Expiry, pace func(time.Duration) error) error {
	if err := s.dropExpired(ctx, list); err != nil {
		return err
	}
	for _, e := range list {
		for _, d := range []struct {
			condition string
			limit     time.Time
			before    any
		}{
			{expiringBlocks, e.Before, e.Before.UnixMicro()}, {expiringPositions, e.Before, e.Before}, {expiringClosing, e.Before, e.Before},
			{expiringQuarantined, e.RawBefore, e.RawBefore}, {expiringLetters, e.RawBefore, e.RawBefore},
		} {
			if d.limit.IsZero() {
				continue
			}
			if err := s.expire(ctx, d.condition, e.Fleet, d.before, pace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) expire(ctx context.Context, condition, fleetID string, before any, pace func(time.Duration) error) error {
	for {
		began := time.Now()
		// A row's place is only unique within its partition.
		n, err := s.exec(ctx, "expire", "DELETE FROM "+condition+" AND (tableoid, ctid) IN (SELECT tableoid, ctid FROM "+condition+fmt.Sprintf(" LIMIT %d)", expireRows), fleetID, before)
		if err != nil || n < expireRows {
			return err
		}
		if err := pace(time.Since(began)); err != nil {
			return err
		}
	}
}

// dropExpired drops the partitions in which no fleet keeps anything.
func (s *Store) dropExpired(ctx context.Context, list []fleet.Expiry) error {
	fleets, err := collect(ctx, s, "list fleets", pgx.RowTo[string], "SELECT id FROM fleets")
	if err != nil {
		return err
	}
	limits := make(map[string]time.Time, len(list))
	for _, e := range list {
		limits[e.Fleet] = e.Before
	}
	oldest := time.Now()
	for _, f := range fleets {
		if limits[f].Before(oldest) { // zero when the fleet keeps everything
			oldest = limits[f]
		}
	}
	if oldest.IsZero() {
		return nil
	}
	names, err := collect(ctx, s, "list partitions", pgx.RowTo[string], `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent IN ('packed'::regclass, 'positions'::regclass) ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, name := range names {
		if end := partitionEnd(name); end.IsZero() || end.After(oldest) {
			continue
		}
		err := s.write(ctx, "drop expired partition", func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'; DROP TABLE "+name)
			return err
		})
		if err != nil && !held(err) {
			return err
		}
		s.forgetPartitions()
	}
	return nil
}

// partitionEnd returns when a partition's time is over, zero when it is not one
// of a day or month.
func partitionEnd(name string) time.Time {
	if day, err := time.Parse("positions_20060102", name); err == nil {
		return day.AddDate(0, 0, 1)
	}
	if month, err := time.Parse("packed_200601", name); err == nil {
		return month.AddDate(0, 1, 0)
	}
	return time.Time{}
}

// RetentionClock returns when retention last looked at the clock.
func (s *Store) RetentionClock(ctx context.Context) (fleet.RetentionClock, error) {
	c, err := one(ctx, s, "read retention clock", pgx.RowToStructByPos[fleet.RetentionClock], "SELECT seen_at, steady_at FROM retention_clock")
	if errors.Is(err, fleet.ErrNotFound) {
		return fleet.RetentionClock{}, nil
	}
	return fleet.RetentionClock{Seen: c.Seen.UTC(), Steady: c.Steady.UTC()}, err
}

// SaveRetentionClock keeps it.
func (s *Store) SaveRetentionClock(ctx context.Context, c fleet.RetentionClock) error {
	_, err := s.exec(ctx, "save retention clock", `INSERT INTO retention_clock (id, seen_at, steady_at) VALUES (1, $1, $2)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, steady_at = excluded.steady_at`, c.Seen, c.Steady)
	return err
}

// NewestReceipt returns when the newest position that is stored was received,
// the zero time when there is none.
func (s *Store) NewestReceipt(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, s, "read newest receipt", pgx.RowTo[*time.Time], "SELECT max(received_at) FROM latest")
	return utc(at), err
}

// Space returns the size of the database, and the server's folder when that is
// on this machine and may be told: to a superuser or a member of
// pg_read_all_settings.
func (s *Store) Space(ctx context.Context) (fleet.Space, error) {
	space, err := one(ctx, s, "read size", pgx.RowToStructByPos[fleet.Space], `SELECT pg_database_size(current_database()),
		CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') AND coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', true)
			THEN current_setting('data_directory') ELSE '' END`)
	if err != nil || space.Folder == "" {
		return space, err
	}
	if _, err := os.Stat(space.Folder); err != nil {
		space.Folder = "" // a container's, or not for us to see
	}
	return space, nil
}

// SaveUsage notes the size of the database at a time.
func (s *Store) SaveUsage(ctx context.Context, u fleet.Usage) error {
	_, err := s.exec(ctx, "save usage", "INSERT INTO usage (at, bytes) VALUES ($1, $2) ON CONFLICT (at) DO UPDATE SET bytes = excluded.bytes", u.At, u.Bytes)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "forget usage", "DELETE FROM usage WHERE at < $1", u.At.Add(-fleet.UsageKept))
	return err
}

// Usage returns the sizes noted since a time, oldest first.
func (s *Store) Usage(ctx context.Context, since time.Time) ([]fleet.Usage, error) {
	return collect(ctx, s, "read usage", func(row pgx.CollectableRow) (u fleet.Usage, err error) {
		err = row.Scan(&u.At, &u.Bytes)
		u.At = u.At.UTC()
		return u, err
	}, "SELECT at, bytes FROM usage WHERE at >= $1 ORDER BY at", since)
}
