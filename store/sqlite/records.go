package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/records"
)

// dialect says who acts in a row that is put back before the commit, so that
// the triggers see it and nobody else does.
var dialect = records.Dialect{
	Outbox: "events",
	Act:    "UPDATE acting SET name = $1",
	Rest:   "UPDATE acting SET name = 'sql'",
}

// recordsDB is what records need of SQLite.
type recordsDB struct{ *Store }

// Read runs fn beside the writer.
func (db recordsDB) Read(ctx context.Context, what string, fn func(ctx context.Context, tx records.Tx) error) error {
	if err := fn(ctx, recordsTx{db.reader}); err != nil {
		return failed(what, err)
	}
	return nil
}

// Write runs fn in a transaction.
func (db recordsDB) Write(ctx context.Context, what string, fn func(ctx context.Context, tx records.Tx) error) error {
	return db.write(ctx, what, func(tx *sql.Tx) error { return fn(ctx, recordsTx{tx}) })
}

type queryer interface {
	execer
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type recordsTx struct{ db queryer }

func (tx recordsTx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.db.ExecContext(ctx, query, microseconds(args)...)
	if duplicate(err) {
		return 0, fleet.ErrConflict
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (tx recordsTx) Query(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := tx.db.QueryContext(ctx, query, microseconds(args)...)
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

// microseconds returns args with times as they are stored.
func microseconds(args []any) []any {
	stored := make([]any, len(args))
	for i, a := range args {
		if t, ok := a.(time.Time); ok {
			a = t.UnixMicro()
		}
		stored[i] = a
	}
	return stored
}

func duplicate(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}
