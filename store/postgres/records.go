package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/records"
)

// dialect says who acts in a setting that ends with the transaction.
var dialect = records.Dialect{
	Outbox: "outbox",
	Lock:   " FOR UPDATE",
	Act:    "SELECT set_config('dray.actor', $1, true)",
}

// recordsDB is what records need of PostgreSQL.
type recordsDB struct{ *Store }

// Read runs fn outside of a transaction.
func (db recordsDB) Read(ctx context.Context, what string, fn func(ctx context.Context, tx records.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := fn(ctx, recordsTx{db.pool}); err != nil {
		return failed(what, err)
	}
	return nil
}

// Write runs fn in a transaction.
func (db recordsDB) Write(ctx context.Context, what string, fn func(ctx context.Context, tx records.Tx) error) error {
	return db.write(ctx, what, func(ctx context.Context, tx pgx.Tx) error { return fn(ctx, recordsTx{tx}) })
}

type queryer interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

type recordsTx struct{ db queryer }

func (tx recordsTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := tx.db.Exec(ctx, query, args...)
	if duplicate(err) {
		return 0, fleet.ErrConflict
	}
	return tag.RowsAffected(), err
}

func (tx recordsTx) Query(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func duplicate(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == uniqueViolation
}
