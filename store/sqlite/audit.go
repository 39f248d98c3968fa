package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// Audit appends e.
func (s *Store) Audit(ctx context.Context, e fleet.AuditEntry) error {
	if !fleet.ValidText(e.Actor) || !fleet.ValidText(e.EntityID) || !fleet.ValidText(e.Address) {
		return fleet.Invalid("audit", "is not plain text")
	}
	err := s.inPlace()
	if err == nil {
		err = insertAudit(ctx, s.writer, e)
	}
	if err != nil {
		return failed("audit", err)
	}
	return nil
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func insertAudit(ctx context.Context, db execer, e fleet.AuditEntry) error {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	_, err := db.ExecContext(ctx, `INSERT INTO audit (at, fleet, actor, action, entity, entity_id, before, after, address)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, e.At.UnixMicro(), e.Fleet, e.Actor, e.Action, e.Entity, e.EntityID, nullJSON(e.Before), nullJSON(e.After), e.Address)
	return err
}

func nullJSON(b json.RawMessage) any {
	if b == nil {
		return nil
	}
	return string(b)
}

// AuditLog returns up to limit entries of a fleet with ID > after, oldest first.
func (s *Store) AuditLog(ctx context.Context, fleetID string, after int64, limit int) ([]fleet.AuditEntry, error) {
	return collect(ctx, s.reader, "read audit", func(scan func(...any) error) (e fleet.AuditEntry, err error) {
		var at int64
		var before, after *string
		err = scan(&e.ID, &at, &e.Fleet, &e.Actor, &e.Action, &e.Entity, &e.EntityID, &before, &after, &e.Address)
		e.At = column.Time(&at)
		if before != nil {
			e.Before = json.RawMessage(*before)
		}
		if after != nil {
			e.After = json.RawMessage(*after)
		}
		return e, err
	}, "SELECT id, at, fleet, actor, action, entity, entity_id, before, after, address FROM audit WHERE fleet = ? AND id > ? ORDER BY id LIMIT ?", fleetID, after, limit)
}
