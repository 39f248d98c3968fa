package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/store/internal/ledger"
)

// errLedgerMoved reports that another writer changed a ledger meanwhile. Since a
// driver has one writer as a rule, ledgers are at first read without a lock,
// which would write to every row, and compared when they are written.
var errLedgerMoved = errors.New("another writer moved a ledger")

// ledgers are those of one batch and what they were when they were read.
type ledgers struct {
	ids  []int64 // ascending
	byID map[int64]*ledger.Ledger
	read map[int64]ledgerColumns
}

// ledgerColumns are what any change of a ledger changes at least one of.
type ledgerColumns struct {
	first, last *int64
	missing     *string
}

const ledgerNames = "first_seq, first_at, last_seq, last_at, forgot, missing"

// scanLedger reads the columns of before and then those of ledgerNames.
func scanLedger(row pgx.CollectableRow, before ...any) (*ledger.Ledger, ledgerColumns, error) {
	var c ledgerColumns
	var firstAt, lastAt *int64
	var forgot bool
	if err := row.Scan(append(before, &c.first, &firstAt, &c.last, &lastAt, &forgot, &c.missing)...); err != nil {
		return nil, c, err
	}
	if c.first == nil {
		return &ledger.Ledger{}, c, nil
	}
	gaps, err := ledger.ParseMissing(c.missing)
	return &ledger.Ledger{Any: true, First: *c.first, FirstAt: *firstAt, Last: *c.last, LastAt: *lastAt, Forgot: forgot, Missing: gaps}, c, err
}

func loadLedgers(ctx context.Context, tx pgx.Tx, ids []int64, lock bool) (*ledgers, error) {
	l := &ledgers{ids: ids, byID: make(map[int64]*ledger.Ledger, len(ids)), read: make(map[int64]ledgerColumns, len(ids))}
	if len(ids) == 0 {
		return l, nil
	}
	query := "SELECT id, " + ledgerNames + " FROM sources WHERE id = ANY ($1::int4[])"
	if lock {
		query += " ORDER BY id FOR NO KEY UPDATE"
	}
	rows, err := tx.Query(ctx, query, ids)
	if err != nil {
		return nil, err
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var id int64
		led, columns, err := scanLedger(row, &id)
		l.byID[id], l.read[id] = led, columns
		return struct{}{}, err
	})
	return l, err
}

// save writes the ledgers that changed, in the order of their numbers.
func (l *ledgers) save(ctx context.Context, tx pgx.Tx) error {
	var (
		ids                          []int64
		first, firstAt, last, lastAt []int64
		forgot                       []bool
		missing, wasMissing          []*string
		wasFirst, wasLast            []*int64
	)
	for _, id := range l.ids {
		led, was := l.byID[id], l.read[id]
		if !led.Changed {
			continue
		}
		ids = append(ids, id)
		first, firstAt, last, lastAt = append(first, led.First), append(firstAt, led.FirstAt), append(last, led.Last), append(lastAt, led.LastAt)
		forgot, missing = append(forgot, led.Forgot), append(missing, led.Text())
		wasFirst, wasLast, wasMissing = append(wasFirst, was.first), append(wasLast, was.last), append(wasMissing, was.missing)
	}
	if len(ids) == 0 {
		return nil
	}
	tag, err := tx.Exec(ctx, `UPDATE sources s SET first_seq = n.first_seq, first_at = n.first_at, last_seq = n.last_seq, last_at = n.last_at,
			forgot = n.forgot, missing = n.missing
		FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bool[], $7::text[], $8::int8[], $9::int8[], $10::text[])
			AS n (id, first_seq, first_at, last_seq, last_at, forgot, missing, was_first, was_last, was_missing)
		WHERE s.id = n.id AND s.first_seq IS NOT DISTINCT FROM n.was_first AND s.last_seq IS NOT DISTINCT FROM n.was_last
			AND s.missing IS NOT DISTINCT FROM n.was_missing`,
		ids, first, firstAt, last, lastAt, forgot, missing, wasFirst, wasLast, wasMissing)
	if err == nil && tag.RowsAffected() != int64(len(ids)) {
		return errLedgerMoved
	}
	return err
}
