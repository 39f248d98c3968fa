package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
)

// Audit appends e.
func (s *Store) Audit(ctx context.Context, e fleet.AuditEntry) error {
	if !fleet.ValidText(e.Actor) || !fleet.ValidText(e.EntityID) || !fleet.ValidText(e.Address) {
		return fleet.Invalid("audit", "is not plain text")
	}
	return s.write(ctx, "audit", func(ctx context.Context, tx pgx.Tx) error { return insertAudit(ctx, tx, e) })
}

func insertAudit(ctx context.Context, tx pgx.Tx, e fleet.AuditEntry) error {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, fleet, actor, action, entity, entity_id, before, after, address)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, e.At, e.Fleet, e.Actor, e.Action, e.Entity, e.EntityID, nullJSON(e.Before), nullJSON(e.After), e.Address)
	return err
}

func nullJSON(b json.RawMessage) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

// AuditLog returns up to limit entries of a fleet with ID > after, oldest first.
func (s *Store) AuditLog(ctx context.Context, fleetID string, after int64, limit int) ([]fleet.AuditEntry, error) {
	return collect(ctx, s, "read audit", func(row pgx.CollectableRow) (e fleet.AuditEntry, err error) {
		var before, after *string
		err = row.Scan(&e.ID, &e.At, &e.Fleet, &e.Actor, &e.Action, &e.Entity, &e.EntityID, &before, &after, &e.Address)
		e.At = e.At.UTC()
		if before != nil {
			e.Before = json.RawMessage(*before)
		}
		if after != nil {
			e.After = json.RawMessage(*after)
		}
		return e, err
	}, "SELECT id, at, fleet, actor, action, entity, entity_id, before, after, address FROM audit WHERE fleet = $1 AND id > $2 ORDER BY id LIMIT $3", fleetID, after, limit)
}
