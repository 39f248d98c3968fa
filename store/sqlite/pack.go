package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/packed"
)

// packDrivers bounds the drivers of one transaction of Pack, and packRows about
// how many rows it moves.
const (
	packDrivers = 32
	packRows    = 4000
)

// Pack moves plain rows of hours that ended by the given time into blocks; see
// storetest.Store.
func (s *Store) Pack(ctx context.Context, before time.Time, pace func(time.Duration) error) (done fleet.Packing, err error) {
	for after := int64(0); ; {
		candidates, err := s.unpacked(ctx, after, before.UnixMicro())
		if err != nil || len(candidates) == 0 {
			return done, err
		}
		for len(candidates) > 0 {
			var step fleet.Packing
			began := time.Now()
			err := s.write(ctx, "pack history", func(tx *sql.Tx) error {
				for len(candidates) > 0 && step.Positions < packRows {
					c := &candidates[0]
					more, err := packNext(ctx, tx, c, before.UnixMicro(), &step)
					if err != nil {
						return err
					}
					if !more {
						after, candidates = c.driver, candidates[1:]
					}
				}
				return nil
			})
			if err != nil {
				return done, err
			}
			done.Hours, done.Positions, done.Left = done.Hours+step.Hours, done.Positions+step.Positions, done.Left+step.Left
			if err := pace(time.Since(began)); err != nil {
				return done, err
			}
		}
	}
}

// A candidate is a driver with something to pack at or after a time.
type candidate struct{ driver, from int64 }

// unpacked returns the next drivers that have plain rows in hours that are over.
func (s *Store) unpacked(ctx context.Context, after, before int64) ([]candidate, error) {
	return collect(ctx, s.reader, "find what to pack", func(scan func(...any) error) (c candidate, err error) {
		return c, scan(&c.driver, &c.from)
	}, `SELECT id, oldest FROM (SELECT id, (SELECT min(fix_at) FROM positions WHERE driver_id = d.id) AS oldest FROM drivers d WHERE id > ?)
		WHERE oldest < ? ORDER BY id LIMIT ?`, after, packed.HourOf(before), packDrivers)
}

// packNext packs the next hour of c's driver and reports whether there may be
// another.
func packNext(ctx context.Context, tx *sql.Tx, c *candidate, before int64, done *fleet.Packing) (more bool, err error) {
	var oldest *int64
	if err := tx.QueryRowContext(ctx, "SELECT min(fix_at) FROM positions WHERE driver_id = ? AND fix_at >= ?", c.driver, c.from).Scan(&oldest); err != nil || oldest == nil {
		return false, err
	}
	hour := packed.HourOf(*oldest)
	if hour+packed.Hour > before {
		return false, nil
	}
	c.from = hour + packed.Hour
	plain, err := query(ctx, tx, newRowScanner().scan, "SELECT "+rowColumns+` FROM positions WHERE driver_id = ? AND fix_at >= ? AND fix_at < ?
		ORDER BY fix_at, source_id, seq LIMIT ?`, c.driver, hour, c.from, packed.MaxRows+1)
	if err != nil {
		return false, err
	}
	old, err := readBlock(ctx, tx, c.driver, hour)
	if err != nil {
		return false, err
	}
	rows := packed.Merge(old, plain)
	if len(rows) > packed.MaxRows {
		done.Left += len(plain)
		return true, nil
	}
	if err := writeBlock(ctx, tx, c.driver, hour, rows); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM positions WHERE driver_id = ? AND fix_at >= ? AND fix_at < ?", c.driver, hour, c.from); err != nil {
		return false, err
	}
	done.Hours++
	done.Positions += len(plain)
	return true, reopenTrips(ctx, tx, c.driver, hour)
}

// unpackBlocks bounds the blocks of one transaction of Unpack.
const unpackBlocks = 8

// Unpack turns all blocks into plain rows again, for a program from before there
// were any. Nothing else may use the database meanwhile.
func (s *Store) Unpack(ctx context.Context) (positions int, err error) {
	for more := true; more; {
		err := s.write(ctx, "unpack history", func(tx *sql.Tx) error {
			var blocks []packed.Block
			err := eachBlock(ctx, tx, func(b packed.Block) error {
				if blocks = append(blocks, b); len(blocks) == unpackBlocks {
					return errLimit
				}
				return nil
			}, "SELECT driver_id, hour, part, body FROM packed ORDER BY driver_id, hour, part")
			if err != nil && !errors.Is(err, errLimit) {
				return err
			}
			more = len(blocks) > 0
			for _, b := range blocks {
				n, err := unpack(ctx, tx, b)
				if err != nil {
					return err
				}
				positions += n
			}
			return nil
		})
		if err != nil {
			return positions, err
		}
	}
	return positions, nil
}

func unpack(ctx context.Context, tx *sql.Tx, b packed.Block) (int, error) {
	rows, err := packed.Decode(b.Body)
	if err != nil {
		return 0, err
	}
	stmt, err := tx.PrepareContext(ctx, "INSERT INTO positions (driver_id, "+rowColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	for _, r := range rows {
		if _, err := stmt.ExecContext(ctx, b.Driver, r.At, r.Source, r.Seq, null(r.SentAt), r.ReceivedAt, r.StoredAt, r.Lat, r.Lon,
			null(r.Accuracy), null(r.Altitude), null(r.Speed), null(r.Heading), null(r.Battery), nullText(r.Cause), r.Ext); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM packed WHERE driver_id = ? AND hour = ?", b.Driver, b.Hour)
	return len(rows), err
}

// null is the inverse of orNone.
func null(v int64) any {
	if v == packed.None {
		return nil
	}
	return v
}

// query is collect within a transaction.
func query[T any](ctx context.Context, tx *sql.Tx, scan func(func(...any) error) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
