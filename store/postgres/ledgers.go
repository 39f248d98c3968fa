package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dray-fleet/dray/store/internal/ledger"
)

// errLedgerMoved reports that another writer changed a ledger meanwhile. Since a
// driver has one writer as a rule, ledgers are at first read without a lock,
// which would write to every row, and compared when they are written.
var errLedgerMoved = errors.New("another writer moved a ledger")

// contention remembers for a minute that ledgers have more than one writer.
type contention struct{ until atomic.Int64 }

func (c *contention) mark() bool {
	c.until.Store(time.Now().Add(time.Minute).UnixNano())
	return true
}

func (c *contention) lately() bool { return time.Now().UnixNano() < c.until.Load() }

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

// save writes the ledgers that changed, in the order of their numbers. Most have
// only grown at the end, which is told in few words and does not depend on what
// else another writer may have done to them.
func (l *ledgers) save(ctx context.Context, tx pgx.Tx) error {
	var grown, changed []int64
	for _, id := range l.ids {
		led, was := l.byID[id], l.read[id]
		switch {
		case !led.Changed:
		case was.first != nil && *was.first == led.First && same(led.Text(), was.missing):
			grown = append(grown, id)
		default:
			changed = append(changed, id)
		}
	}
	if err := l.saveGrown(ctx, tx, grown); err != nil {
		return err
	}
	return l.saveChanged(ctx, tx, changed)
}

func same(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func (l *ledgers) saveGrown(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	last, lastAt, wasLast := make([]int64, len(ids)), make([]int64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		last[i], lastAt[i], wasLast[i] = l.byID[id].Last, l.byID[id].LastAt, *l.read[id].last
	}
	return moved(ids)(tx.Exec(ctx, `UPDATE sources s SET last_seq = n.last_seq, last_at = n.last_at
		FROM (SELECT unnest($1::int4[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])) AS n (id, last_seq, last_at, was_last)
		WHERE s.id = n.id AND s.last_seq = n.was_last`, ids, last, lastAt, wasLast))
}

func (l *ledgers) saveChanged(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	n := len(ids)
	var (
		first, firstAt, last, lastAt = make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
		forgot                       = make([]bool, n)
		missing, wasMissing          = make([]*string, n), make([]*string, n)
		wasFirst, wasLast            = make([]*int64, n), make([]*int64, n)
	)
	for i, id := range ids {
		led, was := l.byID[id], l.read[id]
		first[i], firstAt[i], last[i], lastAt[i] = led.First, led.FirstAt, led.Last, led.LastAt
		forgot[i], missing[i] = led.Forgot, led.Text()
		wasFirst[i], wasLast[i], wasMissing[i] = was.first, was.last, was.missing
	}
	return moved(ids)(tx.Exec(ctx, `UPDATE sources s SET first_seq = n.first_seq, first_at = n.first_at, last_seq = n.last_seq, last_at = n.last_at,
			forgot = n.forgot, missing = n.missing
		FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bool[], $7::text[], $8::int8[], $9::int8[], $10::text[])
			AS n (id, first_seq, first_at, last_seq, last_at, forgot, missing, was_first, was_last, was_missing)
		WHERE s.id = n.id AND s.first_seq IS NOT DISTINCT FROM n.was_first AND s.last_seq IS NOT DISTINCT FROM n.was_last
			AND s.missing IS NOT DISTINCT FROM n.was_missing`,
		ids, first, firstAt, last, lastAt, forgot, missing, wasFirst, wasLast, wasMissing))
}

// moved returns errLedgerMoved when a statement found fewer than ids as they were.
func moved(ids []int64) func(pgconn.CommandTag, error) error {
	return func(tag pgconn.CommandTag, err error) error {
		if err == nil && tag.RowsAffected() != int64(len(ids)) {
			return errLedgerMoved
		}
		return err
	}
}
