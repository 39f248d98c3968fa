package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dray-fleet/dray/store/internal/packed"
)

// partSize is how much of a block is in one row: three rows and what SQLite adds
// to them fill a page of 4,096 bytes.
const partSize = 1320

// errLimit ends eachBlock when there are enough.
var errLimit = errors.New("enough blocks")

// A querier is a database or a transaction of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// eachBlock runs a query for driver_id, hour, part and body, the parts of a block
// one after the other, and calls fn for each block.
func eachBlock(ctx context.Context, db querier, fn func(packed.Block) error, query string, args ...any) error {
	var b packed.Block
	err := each(ctx, db, "read packed history", func(scan func(...any) error) error {
		var next packed.Block
		var part int
		if err := scan(&next.Driver, &next.Hour, &part, &next.Body); err != nil {
			return err
		}
		if part > 0 {
			b.Body = append(b.Body, next.Body...)
			return nil
		}
		b, next = next, b
		if next.Body == nil {
			return nil
		}
		return fn(next)
	}, query, args...)
	if err != nil || b.Body == nil {
		return err
	}
	return fn(b)
}

// readBlock returns the rows of a packed hour, none when it is not packed.
func readBlock(ctx context.Context, tx *sql.Tx, driver, hour int64) (rows []packed.Row, err error) {
	err = eachBlock(ctx, tx, func(b packed.Block) error {
		rows, err = packed.Decode(b.Body)
		return err
	}, "SELECT driver_id, hour, part, body FROM packed WHERE driver_id = ? AND hour = ? ORDER BY part", driver, hour)
	return rows, err
}

// writeBlock puts rows in place of a packed hour.
func writeBlock(ctx context.Context, tx *sql.Tx, driver, hour int64, rows []packed.Row) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM packed WHERE driver_id = ? AND hour = ?", driver, hour); err != nil {
		return err
	}
	n, body := len(rows), packed.Encode(rows)
	for part := 0; len(body) > 0; part++ {
		cut := body[:min(partSize, len(body))]
		if _, err := tx.ExecContext(ctx, "INSERT INTO packed (driver_id, hour, part, n, body) VALUES (?, ?, ?, ?, ?)", driver, hour, part, n, cut); err != nil {
			return err
		}
		n, body = 0, body[len(cut):]
	}
	return nil
}
