package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/dray-fleet/dray/internal/giveway"
	"github.com/dray-fleet/dray/store/internal/ledger"
)

func loadLedgers(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]*ledger.Ledger, error) {
	ledgers := make(map[int64]*ledger.Ledger, len(ids))
	if len(ids) == 0 {
		return ledgers, nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, first_seq, first_at, last_seq, last_at, forgot, missing FROM sources
		WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var turn giveway.Turn
	for rows.Next() {
		turn.Pass()
		var id int64
		l, err := scanLedger(rows.Scan, &id)
		if err != nil {
			return nil, err
		}
		ledgers[id] = l
	}
	return ledgers, rows.Err()
}

// scanLedger reads first_seq, first_at, last_seq, last_at, forgot and missing
// after the columns of before.
func scanLedger(scan func(...any) error, before ...any) (*ledger.Ledger, error) {
	var first, firstAt, last, lastAt *int64
	var missing *string
	var l ledger.Ledger
	if err := scan(append(before, &first, &firstAt, &last, &lastAt, &l.Forgot, &missing)...); err != nil {
		return nil, err
	}
	if first == nil {
		return &ledger.Ledger{}, nil
	}
	gaps, err := ledger.ParseMissing(missing)
	l.Any, l.First, l.FirstAt, l.Last, l.LastAt, l.Missing = true, *first, *firstAt, *last, *lastAt, gaps
	return &l, err
}

func (s *Store) saveLedgers(ctx context.Context, tx *sql.Tx, ledgers map[int64]*ledger.Ledger) error {
	if len(ledgers) == 0 {
		return nil
	}
	stmt, err := s.prepared(ctx, tx, ledgerChanged)
	if err != nil {
		return err
	}
	defer stmt.Close()
	var turn giveway.Turn
	for id, l := range ledgers {
		turn.Pass()
		if !l.Changed {
			continue
		}
		if _, err := stmt.ExecContext(ctx, l.First, l.FirstAt, l.Last, l.LastAt, l.Forgot, l.Text(), id); err != nil {
			return err
		}
	}
	return nil
}
