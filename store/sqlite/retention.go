package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// SaveRetention sets how long the history of a fleet is kept.
func (s *Store) SaveRetention(ctx context.Context, r fleet.Retention) error {
	if err := r.Validate(); err != nil {
		return err
	}
	return s.write(ctx, "save retention", func(tx *sql.Tx) error {
		if _, err := ensureFleet(ctx, tx, r.Fleet); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO retention (fleet, raw_days, packed_months) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET raw_days = excluded.raw_days, packed_months = excluded.packed_months`, r.Fleet, r.RawDays, r.PackedMonths)
		return err
	})
}

// Retentions returns those that are set, by fleet.
func (s *Store) Retentions(ctx context.Context) ([]fleet.Retention, error) {
	return collect(ctx, s.reader, "read retention", func(scan func(...any) error) (r fleet.Retention, err error) {
		return r, scan(&r.Fleet, &r.RawDays, &r.PackedMonths)
	}, "SELECT fleet, raw_days, packed_months FROM retention ORDER BY fleet")
}

// Retention returns that of a fleet; one that is not set keeps everything.
func (s *Store) Retention(ctx context.Context, fleetID string) (fleet.Retention, error) {
	r := fleet.Retention{Fleet: fleetID}
	err := s.reader.QueryRowContext(ctx, "SELECT raw_days, packed_months FROM retention WHERE fleet = ?", fleetID).Scan(&r.RawDays, &r.PackedMonths)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return r, readError("read retention", err)
}

// What retention removes: ?1 is the fleet, ?2 the
// time before which it goes.
const (
	expiringBlocks      = "packed WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = ?1) AND hour < ?2"
	expiringPositions   = "positions WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = ?1) AND fix_at < ?2"
	expiringQuarantined = "quarantined WHERE driver_id IN (SELECT id FROM drivers WHERE fleet = ?1) AND received_at < ?2"
	expiringLetters     = "dead_letters WHERE fleet = ?1 AND received_at < ?2"
)

// Expiring returns what Expire would remove.
func (s *Store) Expiring(ctx context.Context, e fleet.Expiry) (fleet.Expiry, error) {
	var plain int64
	for _, count := range []struct {
		query  string
		before time.Time
		into   []any
	}{
		{"SELECT coalesce(sum(n), 0), coalesce(sum(length(body)), 0) FROM " + expiringBlocks, e.Before, []any{&e.Positions, &e.Bytes}},
		{"SELECT count(*) FROM " + expiringPositions, e.Before, []any{&plain}},
		{"SELECT count(*) FROM " + expiringQuarantined, e.RawBefore, []any{&e.Quarantined}},
		{"SELECT count(*) FROM " + expiringLetters, e.RawBefore, []any{&e.DeadLetters}},
	} {
		if count.before.IsZero() {
			continue
		}
		if err := s.reader.QueryRowContext(ctx, count.query, e.Fleet, count.before.UnixMicro()).Scan(count.into...); err != nil {
			return e, fmt.Errorf("sqlite: count what expires: %w", err)
		}
	}
	e.Positions += plain
	return e, nil
}

// expireRows bounds the rows of one transaction of Expire.
const expireRows = 2000

const positionsKey = "driver_id, fix_at, source_id, seq"

// Expire removes what is older than e says; see storetest.Store.
func (s *Store) Expire(ctx context.Context, list []fleet.Expiry, pace func(time.Duration) error) error {
	for _, e := range list {
		for _, d := range []struct {
			condition, key string
			before         time.Time
		}{
			{expiringBlocks, "rowid", e.Before}, {expiringPositions, positionsKey, e.Before},
			{expiringQuarantined, "rowid", e.RawBefore}, {expiringLetters, "rowid", e.RawBefore},
		} {
			if d.before.IsZero() {
				continue
			}
			if err := s.expire(ctx, d.condition, d.key, e.Fleet, d.before.UnixMicro(), pace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) expire(ctx context.Context, condition, key, fleetID string, before int64, pace func(time.Duration) error) error {
	for {
		began := time.Now()
		var n int64
		err := s.write(ctx, "expire", func(tx *sql.Tx) (err error) {
			n, err = affected(tx.ExecContext(ctx, "DELETE FROM "+condition+" AND ("+key+") IN (SELECT "+key+" FROM "+condition+" LIMIT ?3)", fleetID, before, expireRows))
			return err
		})
		if err != nil || n < expireRows {
			return err
		}
		if err := pace(time.Since(began)); err != nil {
			return err
		}
	}
}

// RetentionClock returns when retention last looked at the clock.
func (s *Store) RetentionClock(ctx context.Context) (c fleet.RetentionClock, err error) {
	var seen, steady int64
	err = s.reader.QueryRowContext(ctx, "SELECT seen_at, steady_at FROM retention_clock").Scan(&seen, &steady)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	return fleet.RetentionClock{Seen: column.Time(&seen), Steady: column.Time(&steady)}, readError("read retention clock", err)
}

// SaveRetentionClock keeps it.
func (s *Store) SaveRetentionClock(ctx context.Context, c fleet.RetentionClock) error {
	return s.write(ctx, "save retention clock", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO retention_clock (id, seen_at, steady_at) VALUES (1, ?, ?)
			ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at, steady_at = excluded.steady_at`, c.Seen.UnixMicro(), c.Steady.UnixMicro())
		return err
	})
}

// NewestReceipt returns when the newest position that is stored was received,
// the zero time when there is none.
func (s *Store) NewestReceipt(ctx context.Context) (time.Time, error) {
	var at *int64
	err := s.reader.QueryRowContext(ctx, "SELECT max(received_at) FROM latest").Scan(&at)
	return column.Time(at), readError("read newest receipt", err)
}

// databaseBytes is what the file holds, without the pages that are free again.
const databaseBytes = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"

// Space returns the size of the database and its folder.
func (s *Store) Space(ctx context.Context) (fleet.Space, error) {
	space := fleet.Space{Folder: filepath.Dir(s.path)}
	return space, readError("read size", s.reader.QueryRowContext(ctx, databaseBytes).Scan(&space.Bytes))
}

// SaveUsage notes the size of the database at a time.
func (s *Store) SaveUsage(ctx context.Context, u fleet.Usage) error {
	return s.write(ctx, "save usage", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO usage (at, bytes) VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes", u.At.UnixMicro(), u.Bytes)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM usage WHERE at < ?", u.At.Add(-fleet.UsageKept).UnixMicro())
		return err
	})
}

// Usage returns the sizes noted since a time, oldest first.
func (s *Store) Usage(ctx context.Context, since time.Time) ([]fleet.Usage, error) {
	return collect(ctx, s.reader, "read usage", func(scan func(...any) error) (u fleet.Usage, err error) {
		var at int64
		err = scan(&at, &u.Bytes)
		u.At = column.Time(&at)
		return u, err
	}, "SELECT at, bytes FROM usage WHERE at >= ? ORDER BY at", since.UnixMicro())
}
