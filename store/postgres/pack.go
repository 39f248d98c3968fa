package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/packed"
)

// packRows is about how many rows one transaction of Pack takes in.
const packRows = 4000

// lockPacking is the first number of the advisory lock of the one that packs;
// the second is the schema's.
const lockPacking = lockClass + 1

// Pack packs days that are over: a day is taken out of positions as a whole,
// its hours become blocks, and then its partition is dropped, so that no row is
// ever deleted by itself. What is from before there were partitions of a day
// stays plain. Of several programs one packs at a time. See storetest.Store.
func (s *Store) Pack(ctx context.Context, before time.Time, pace func(time.Duration) error) (done fleet.Packing, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return done, failed("pack history", err)
	}
	defer conn.Release()
	var ours bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, hashtext(current_schema()))", lockPacking).Scan(&ours); err != nil || !ours {
		return done, failedOr("pack history", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		_, unlockErr := conn.Exec(ctx, "SELECT pg_advisory_unlock($1, hashtext(current_schema()))", lockPacking)
		err = errors.Join(err, failedOr("pack history", unlockErr))
	}()
	if err := s.closeDays(ctx, before); err != nil {
		return done, err
	}
	days, err := collect(ctx, s, "find what to pack", func(row pgx.CollectableRow) (d closingDay, err error) {
		return d, row.Scan(&d.name, &d.after, &d.left)
	}, "SELECT name, after_driver, left_rows FROM closing_days WHERE NOT done ORDER BY name")
	if err != nil {
		return done, err
	}
	for _, d := range days {
		if err := s.packDay(ctx, d, pace, &done); err != nil {
			return done, err
		}
	}
	return done, s.dropDays(ctx)
}

// failedOr is failed for an error that may be nil.
func failedOr(what string, err error) error {
	if err == nil {
		return nil
	}
	return failed(what, err)
}

// A closingDay is a partition on its way into blocks.
type closingDay struct {
	name  string
	after int64 // the last driver that is packed
	left  int64
}

// lockTimeout is how long taking a day out may hold up those who read and write
// positions. When it does not come through, the next pass tries again.
const lockTimeout = "200ms"

// closeDays takes the days that end by the given time out of positions.
func (s *Store) closeDays(ctx context.Context, before time.Time) error {
	names, err := collect(ctx, s, "list partitions", pgx.RowTo[string], `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'positions'::regclass AND c.relname LIKE 'positions\_2%' ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, name := range names {
		day, err := time.Parse("positions_20060102", name)
		if err != nil || day.AddDate(0, 0, 1).After(before) {
			continue
		}
		err = s.write(ctx, "close day", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'"); err != nil {
				return err
			}
			var oid int64 // a day may come back with late positions: names are not used twice
			if err := tx.QueryRow(ctx, "SELECT $1::regclass::oid::int8", name).Scan(&oid); err != nil {
				return err
			}
			closing := fmt.Sprintf("closing_%s_%d", day.Format("20060102"), oid)
			_, err := tx.Exec(ctx, fmt.Sprintf(`ALTER TABLE positions DETACH PARTITION %[1]s;
				ALTER TABLE %[1]s RENAME TO %[2]s; ALTER TABLE %[2]s INHERIT closing; INSERT INTO closing_days (name) VALUES ('%[2]s')`, name, closing))
			return err
		})
		if held(err) {
			continue
		}
		if err != nil {
			return err
		}
		s.forgetPartitions()
	}
	return nil
}

// held reports whether err says that somebody else holds the table.
func held(err error) bool {
	const lockNotAvailable = "55P03" // the SQLSTATE after lock_timeout
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == lockNotAvailable || pg.Code == deadlock)
}

// packDay packs what is left of d, a few drivers in each transaction.
func (s *Store) packDay(ctx context.Context, d closingDay, pace func(time.Duration) error, done *fleet.Packing) error {
	day, err := time.Parse("20060102", d.name[len("closing_"):][:8])
	if err != nil {
		return fmt.Errorf("postgres: pack history: %w", err)
	}
	if err := s.createMonth(ctx, day); err != nil {
		return err
	}
	for more := true; more; {
		began := time.Now()
		var step fleet.Packing
		next := d
		err := s.write(ctx, "pack history", func(ctx context.Context, tx pgx.Tx) error {
			if err := lockErasure(ctx, tx, "pg_advisory_xact_lock_shared"); err != nil {
				return err
			}
			more = true
			for step.Positions < packRows && more {
				var err error
				if more, err = packDriver(ctx, tx, day.UnixMicro(), &next, &step); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, "UPDATE closing_days SET after_driver = $2, left_rows = $3, done = $4 WHERE name = $1", d.name, next.after, next.left, !more)
			return err
		})
		if err != nil {
			return err
		}
		d = next
		done.Hours, done.Positions, done.Left = done.Hours+step.Hours, done.Positions+step.Positions, done.Left+step.Left
		if err := pace(time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// packDriver packs the next driver of d and reports whether there may be another.
func packDriver(ctx context.Context, tx pgx.Tx, day int64, d *closingDay, done *fleet.Packing) (more bool, err error) {
	var driver *int64
	if err := tx.QueryRow(ctx, "SELECT min(driver_id) FROM "+d.name+" WHERE driver_id > $1", d.after).Scan(&driver); err != nil || driver == nil {
		return false, err
	}
	d.after = *driver
	blocks, err := query(ctx, tx, scanBlock, "SELECT driver_id, hour, body FROM packed WHERE driver_id = $1 AND hour >= $2 AND hour < $3", *driver, day, day+dayUS)
	if err != nil {
		return false, err
	}
	old := map[int64][]byte{}
	for _, b := range blocks {
		old[b.Hour] = b.Body
	}
	for from := day; from < day+dayUS; {
		rows, err := query(ctx, tx, newRowScanner().scan, "SELECT "+rowColumns+" FROM "+d.name+` WHERE driver_id = $1 AND fix_at >= $2
			ORDER BY fix_at, source_id, seq LIMIT $3`, *driver, time.UnixMicro(from), packed.MaxRows+1)
		if err != nil {
			return false, err
		}
		hours := packed.Hours(rows)
		whole := len(rows) <= packed.MaxRows
		for i, hour := range hours {
			start := packed.HourOf(hour[0].At)
			if !whole && i == len(hours)-1 && i > 0 {
				from = start // it may go on: read it again by itself
				break
			}
			from = start + packed.Hour
			if err := packHour(ctx, tx, *driver, start, old[start], hour, d, done); err != nil {
				return false, err
			}
		}
		if whole {
			break
		}
	}
	return true, reopenTrips(ctx, tx, *driver, time.UnixMicro(day))
}

func packHour(ctx context.Context, tx pgx.Tx, driver, hour int64, block []byte, plain []packed.Row, d *closingDay, done *fleet.Packing) error {
	var old []packed.Row
	if block != nil {
		var err error
		if old, err = packed.Decode(block); err != nil {
			return err
		}
	}
	rows := packed.Merge(old, plain)
	if len(rows) > packed.MaxRows {
		d.left += int64(len(plain))
		done.Left += len(plain)
		return nil
	}
	done.Hours++
	done.Positions += len(plain)
	_, err := tx.Exec(ctx, `INSERT INTO packed (driver_id, hour, n, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (driver_id, hour) DO UPDATE SET n = excluded.n, body = excluded.body`, driver, hour, len(rows), packed.Encode(rows))
	return err
}

// dropDays drops the days of which every row is in a block.
func (s *Store) dropDays(ctx context.Context) error {
	names, err := collect(ctx, s, "find packed days", pgx.RowTo[string], "SELECT name FROM closing_days WHERE done AND left_rows = 0 ORDER BY 1")
	if err != nil {
		return err
	}
	for _, name := range names {
		err := s.write(ctx, "drop packed day", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+lockTimeout+"'"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM closing_days WHERE name = '%[1]s'; DROP TABLE %[1]s", name))
			return err
		})
		if err != nil && !held(err) {
			return err
		}
	}
	return nil
}

// createMonth makes the partition of packed for a day.
func (s *Store) createMonth(ctx context.Context, day time.Time) error {
	from := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	name := from.Format("packed_200601")
	return s.write(ctx, "create partition", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", lockClass, lockPartitions); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
			return err
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %[1]s (LIKE packed INCLUDING ALL);
			ALTER TABLE packed ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]d) TO (%[3]d)`, name, from.UnixMicro(), from.AddDate(0, 1, 0).UnixMicro()))
		return err
	})
}

// query is collect within a transaction.
func query[T any](ctx context.Context, tx pgx.Tx, scan func(pgx.CollectableRow) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
