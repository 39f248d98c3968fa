package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/giveway"
	"github.com/dray-fleet/dray/store/internal/batch"
	"github.com/dray-fleet/dray/store/internal/column"
)

// SaveBatch stores b in one transaction; see storetest.Store.
func (s *Store) SaveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error) {
	if err := batch.Check(b); err != nil {
		return fleet.Saved{}, err
	}
	for {
		saved, err := s.saveBatch(ctx, b)
		if !errors.Is(err, batch.ErrErased) {
			return saved, err
		}
		if err := s.learnErasures(ctx); err != nil {
			return fleet.Saved{}, err
		}
	}
}

func (s *Store) saveBatch(ctx context.Context, b *fleet.Batch) (fleet.Saved, error) {
	b, dropped, erasure := s.erased.Without(b)
	numbered, err := batch.Number(ctx, b, &s.drivers, s.createDrivers, &s.sources, s.createSources)
	if err != nil {
		return fleet.Saved{}, err
	}
	rows := numbered.Rows()

	var saved fleet.Saved
	err = s.write(ctx, "save batch", func(tx *sql.Tx) error {
		// The driver begins a goroutine for each statement that can be cancelled.
		// The transaction still is, between two of them.
		ctx := context.WithoutCancel(ctx)
		done, err := s.advance(ctx, tx, b.Offset)
		if err != nil || done {
			saved.Skipped = done
			return err
		}
		saved.Erased = dropped
		if err := checkErasures(ctx, tx, erasure); err != nil {
			return err
		}
		ledgers, err := loadLedgers(ctx, tx, numbered.WithLedger())
		if err != nil {
			return err
		}
		history, quarantined := numbered.Receive(rows, ledgers)
		if err := s.saveLedgers(ctx, tx, ledgers); err != nil {
			return err
		}
		n, err := s.insertPositions(ctx, tx, "positions", history)
		if err != nil {
			return err
		}
		m, err := s.insertPositions(ctx, tx, "quarantined", quarantined)
		if err != nil {
			return err
		}
		saved.Positions = n + m
		saved.Duplicates = len(b.Positions) - saved.Positions
		if err := s.saveLatest(ctx, tx, numbered.NewestOfDrivers()); err != nil {
			return err
		}
		if err := s.saveCounters(ctx, tx, numbered.ThinnedOfDrivers(), batch.Newest(quarantined)); err != nil {
			return err
		}
		if err := saveReports(ctx, tx, numbered); err != nil {
			return err
		}
		if saved.Refused, err = s.SaveDispatch(ctx, recordsTx{tx}, b.Dispatch); err != nil {
			return err
		}
		if err := s.SaveSightings(ctx, recordsTx{tx}, b.Sightings); err != nil {
			return err
		}
		if err := s.SaveDisagreements(ctx, recordsTx{tx}, b.Disagreements); err != nil {
			return err
		}
		return saveLetters(ctx, tx, b.Dead)
	})
	if err != nil {
		return fleet.Saved{}, refused(err)
	}
	return saved, nil
}

// Offset returns how far a partition of a stream has been saved; 0 is nothing.
func (s *Store) Offset(ctx context.Context, stream string, partition int) (uint64, error) {
	var seq int64
	err := s.reader.QueryRowContext(ctx, "SELECT seq FROM ingest_offsets WHERE stream = ? AND partition = ?", stream, partition).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("sqlite: read offset: %w", err)
	}
	return uint64(seq), nil
}

// advance moves the offset to o and reports whether it was there already.
func (s *Store) advance(ctx context.Context, tx *sql.Tx, o *fleet.Offset) (done bool, err error) {
	if o == nil {
		return false, nil
	}
	stmt, err := s.prepared(ctx, tx, offsetForward)
	if err != nil {
		return false, err
	}
	defer stmt.Close()
	res, err := stmt.ExecContext(ctx, o.Stream, o.Partition, int64(o.Seq))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 0, err
}

// rowsAtOnce is how many positions one statement inserts.
const rowsAtOnce = 32

func (s *Store) insertPositions(ctx context.Context, tx *sql.Tx, table string, rows []batch.Row) (added int, err error) {
	now := time.Now().UnixMicro()
	var turn giveway.Turn
	for _, n := range []int{rowsAtOnce, 1} {
		if len(rows) < n {
			continue
		}
		stmt, err := s.prepared(ctx, tx, insertion(table, n))
		if err != nil {
			return 0, err
		}
		defer stmt.Close()
		args := make([]any, 0, 16*n)
		for ; len(rows) >= n; rows = rows[n:] {
			args = args[:0]
			for _, r := range rows[:n] {
				args = append(args, r.Driver, r.At, r.Source, r.Seq, column.NullTime(r.SentAt), r.ReceivedAt.UnixMicro(), now,
					int64(column.Degree.Int(r.Lat)), int64(column.Degree.Int(r.Lon)), column.Accuracy.Null(r.Accuracy), column.Altitude.Null(r.Altitude),
					column.Speed.Null(r.Speed), column.NullHeading(r.Heading), column.Battery.Null(r.Battery), nullText(r.Trigger), r.Ext)
			}
			m, err := affected(stmt.ExecContext(ctx, args...))
			if err != nil {
				return 0, err
			}
			added += int(m)
			turn.Pass()
		}
	}
	return added, nil
}

func nullText(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// saveLatest moves the latest position of each driver forward. Few of them have
// left their cell, and the others leave its index alone.
func (s *Store) saveLatest(ctx context.Context, tx *sql.Tx, rows []batch.Row) error {
	if len(rows) == 0 {
		return nil
	}
	within, err := s.prepared(ctx, tx, latestWithin)
	if err != nil {
		return err
	}
	defer within.Close()
	moved, err := s.prepared(ctx, tx, latestMoved)
	if err != nil {
		return err
	}
	defer moved.Close()
	var turn giveway.Turn
	for _, r := range rows {
		turn.Pass()
		lat, lon := column.Degree.Int(r.Lat), column.Degree.Int(r.Lon)
		args := []any{r.Driver, r.At, r.ReceivedAt.UnixMicro(), int64(lat), int64(lon), column.Accuracy.Null(r.Accuracy), column.Altitude.Null(r.Altitude),
			column.Speed.Null(r.Speed), column.NullHeading(r.Heading), column.Battery.Null(r.Battery), r.Position.Source, column.Cell(lat, lon)}
		n, err := affected(within.ExecContext(ctx, args...))
		if err == nil && n == 0 {
			_, err = moved.ExecContext(ctx, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// saveCounters adds to each driver's thinned fixes and notes when a fix of it
// was set aside.
func (s *Store) saveCounters(ctx context.Context, tx *sql.Tx, thinned, quarantinedAt map[int64]int64) error {
	err := s.forEach(ctx, tx, thinnedMore, thinned)
	if err != nil {
		return err
	}
	return s.forEach(ctx, tx, "UPDATE drivers SET quarantined_at = max(coalesce(quarantined_at, 0), ?2) WHERE id = ?1", quarantinedAt)
}

// forEach executes query with each key and value.
func (s *Store) forEach(ctx context.Context, tx *sql.Tx, query string, values map[int64]int64) error {
	if len(values) == 0 {
		return nil
	}
	stmt, err := s.prepared(ctx, tx, query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	var turn giveway.Turn
	for id, v := range values {
		turn.Pass()
		if _, err := stmt.ExecContext(ctx, id, v); err != nil {
			return err
		}
	}
	return nil
}

func saveReports(ctx context.Context, tx *sql.Tx, b *batch.Numbered) error {
	for _, r := range b.Reports {
		id := b.DriverID(r.Fleet, r.Driver)
		if r.Duty != "" {
			at := r.DutyAt.UnixMicro()
			if _, err := tx.ExecContext(ctx, "UPDATE drivers SET duty = ?, duty_at = ? WHERE id = ? AND (duty_at IS NULL OR duty_at < ?)", string(r.Duty), at, id, at); err != nil {
				return err
			}
		}
		if r.Health != nil {
			health, err := json.Marshal(r.Health)
			if err != nil {
				return err
			}
			at := r.Health.At.UnixMicro()
			if _, err := tx.ExecContext(ctx, "UPDATE drivers SET health = ?, health_ext = ?, health_at = ? WHERE id = ? AND (health_at IS NULL OR health_at < ?)", string(health), r.Health.Ext, at, id, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func saveLetters(ctx context.Context, tx *sql.Tx, letters []fleet.DeadLetter) error {
	for _, d := range letters {
		d = batch.Letter(d)
		_, err := tx.ExecContext(ctx, `INSERT INTO dead_letters (fleet, id, driver, topic, field, reason, received_at, payload)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, d.Fleet, d.ID, d.Driver, d.Topic, d.Field, d.Reason, d.ReceivedAt.UnixMicro(), d.Payload)
		if err != nil {
			return err
		}
	}
	return nil
}
