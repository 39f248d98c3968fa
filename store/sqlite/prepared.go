package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

const (
	offsetForward = `INSERT INTO ingest_offsets (stream, partition, seq) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq`

	latestWithin = `UPDATE latest SET fix_at = ?2, received_at = ?3, lat = ?4, lon = ?5, accuracy = ?6, altitude = ?7,
			speed = ?8, heading = ?9, battery = ?10, source = ?11
		WHERE driver_id = ?1 AND cell = ?12 AND fix_at < ?2`

	latestMoved = `INSERT INTO latest (driver_id, fix_at, received_at, lat, lon, accuracy, altitude, speed, heading, battery, source, cell)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET fix_at = excluded.fix_at, received_at = excluded.received_at, lat = excluded.lat, lon = excluded.lon,
			accuracy = excluded.accuracy, altitude = excluded.altitude, speed = excluded.speed, heading = excluded.heading,
			battery = excluded.battery, source = excluded.source, cell = excluded.cell
		WHERE excluded.fix_at > fix_at`

	ledgerChanged = "UPDATE sources SET first_seq = ?, first_at = ?, last_seq = ?, last_at = ?, forgot = ?, missing = ? WHERE id = ?"

	thinnedMore = "UPDATE drivers SET thinned = thinned + ?2 WHERE id = ?1"
)

// insertion inserts n positions that are not there yet.
func insertion(table string, n int) string {
	return "INSERT INTO " + table + ` (driver_id, fix_at, source_id, seq, sent_at, received_at, stored_at,
		lat, lon, accuracy, altitude, speed, heading, battery, cause, ext) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` +
		strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", n-1) + " ON CONFLICT DO NOTHING"
}

// prepare parses what almost every batch executes. At some batches a second,
// parsing is more work than what is stored.
func (s *Store) prepare(ctx context.Context) error {
	s.statements = make(map[string]*sql.Stmt)
	for _, query := range []string{offsetForward, latestWithin, latestMoved, ledgerChanged, thinnedMore,
		insertion("positions", rowsAtOnce), insertion("positions", 1)} {
		stmt, err := s.writer.PrepareContext(ctx, query)
		if err != nil {
			return fmt.Errorf("sqlite: prepare: %w", err)
		}
		s.statements[query] = stmt
	}
	return nil
}

// prepared returns the statement of query within tx.
func (s *Store) prepared(ctx context.Context, tx *sql.Tx, query string) (*sql.Stmt, error) {
	if stmt, ok := s.statements[query]; ok {
		return tx.StmtContext(ctx, stmt), nil
	}
	return tx.PrepareContext(ctx, query)
}
