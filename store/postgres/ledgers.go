package postgres

import (
	"context"
	"errors"
	"slices"
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
	list []kept  // of each of ids
	byID map[int64]*ledger.Ledger
}

type kept struct {
	ledger.Ledger
	was        ledgerColumns
	known      gapless
	remembered bool // and not read: known, not the database, said what it was
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

// loadLedgers reads those of ids that r does not remember, all of them when r is
// nil.
func loadLedgers(ctx context.Context, tx pgx.Tx, ids []int64, r *remembered, lock bool) (*ledgers, error) {
	l := &ledgers{ids: ids, list: make([]kept, len(ids)), byID: make(map[int64]*ledger.Ledger, len(ids))}
	for i, id := range ids {
		l.byID[id] = &l.list[i].Ledger
	}
	if r != nil {
		ids = r.fill(l)
	}
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
		if i, ok := slices.BinarySearch(l.ids, id); ok && err == nil {
			l.list[i].Ledger, l.list[i].was = *led, columns
		}
		return struct{}{}, err
	})
	return l, err
}

// doubtful reports whether a remembered ledger was asked and has not grown: it
// says that all of it was received before, and nothing will be written by which
// the database could contradict.
func (l *ledgers) doubtful() bool {
	return slices.ContainsFunc(l.list, func(e kept) bool { return e.remembered && !e.Changed })
}

// save writes the ledgers that changed, in the order of their numbers. Most have
// only grown at the end, which is told in few words and does not depend on what
// else another writer may have done to them.
func (l *ledgers) save(ctx context.Context, tx pgx.Tx) error {
	var grown, changed []int // in list
	for i := range l.list {
		e := &l.list[i]
		switch {
		case !e.Changed:
		case e.was.first != nil && *e.was.first == e.First && same(e.Text(), e.was.missing):
			grown = append(grown, i)
		default:
			changed = append(changed, i)
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

func (l *ledgers) saveGrown(ctx context.Context, tx pgx.Tx, at []int) error {
	if len(at) == 0 {
		return nil
	}
	n := len(at)
	ids, last, lastAt, wasLast := int4Array(n), int8Array(n), int8Array(n), int8Array(n)
	for _, at := range at {
		e := &l.list[at]
		ids.int4(int32(l.ids[at]))
		last.int8(e.Last)
		lastAt.int8(e.LastAt)
		wasLast.int8(*e.was.last)
	}
	return moved(n)(execArrays(ctx, tx, `UPDATE sources s SET last_seq = n.last_seq, last_at = n.last_at
		FROM (SELECT unnest($1::int4[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[])) AS n (id, last_seq, last_at, was_last)
		WHERE s.id = n.id AND s.last_seq = n.was_last`, ids, last, lastAt, wasLast))
}

func (l *ledgers) saveChanged(ctx context.Context, tx pgx.Tx, at []int) error {
	if len(at) == 0 {
		return nil
	}
	n := len(at)
	var (
		ids                          = make([]int64, n)
		first, firstAt, last, lastAt = make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
		forgot                       = make([]bool, n)
		missing, wasMissing          = make([]*string, n), make([]*string, n)
		wasFirst, wasLast            = make([]*int64, n), make([]*int64, n)
	)
	for i, at := range at {
		e := &l.list[at]
		ids[i], first[i], firstAt[i], last[i], lastAt[i] = l.ids[at], e.First, e.FirstAt, e.Last, e.LastAt
		forgot[i], missing[i] = e.Forgot, e.Text()
		wasFirst[i], wasLast[i], wasMissing[i] = e.was.first, e.was.last, e.was.missing
	}
	return moved(n)(tx.Exec(ctx, `UPDATE sources s SET first_seq = n.first_seq, first_at = n.first_at, last_seq = n.last_seq, last_at = n.last_at,
			forgot = n.forgot, missing = n.missing
		FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::bool[], $7::text[], $8::int8[], $9::int8[], $10::text[])
			AS n (id, first_seq, first_at, last_seq, last_at, forgot, missing, was_first, was_last, was_missing)
		WHERE s.id = n.id AND s.first_seq IS NOT DISTINCT FROM n.was_first AND s.last_seq IS NOT DISTINCT FROM n.was_last
			AND s.missing IS NOT DISTINCT FROM n.was_missing`,
		ids, first, firstAt, last, lastAt, forgot, missing, wasFirst, wasLast, wasMissing))
}

// moved returns errLedgerMoved when a statement found fewer than n as they were.
func moved(n int) func(pgconn.CommandTag, error) error {
	return func(tag pgconn.CommandTag, err error) error {
		if err == nil && tag.RowsAffected() != int64(n) {
			return errLedgerMoved
		}
		return err
	}
}
