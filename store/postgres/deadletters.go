package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
)

const letterColumns = "fleet, id, driver, topic, field, reason, received_at, payload FROM dead_letters "

func scanLetter(row pgx.CollectableRow) (d fleet.DeadLetter, err error) {
	err = row.Scan(&d.Fleet, &d.ID, &d.Driver, &d.Topic, &d.Field, &d.Reason, &d.ReceivedAt, &d.Payload)
	d.ReceivedAt = d.ReceivedAt.UTC()
	if len(d.Payload) == 0 {
		d.Payload = nil
	}
	return d, err
}

// DeadLetters returns up to limit dead letters of a fleet with ids after the given one.
func (s *Store) DeadLetters(ctx context.Context, fleetID, after string, limit int) ([]fleet.DeadLetter, error) {
	return collect(ctx, s, "list dead letters", scanLetter, "SELECT "+letterColumns+"WHERE fleet = $1 AND id > $2 ORDER BY id LIMIT $3", fleetID, after, limit)
}

// DeadLetter returns one dead letter, or fleet.ErrNotFound.
func (s *Store) DeadLetter(ctx context.Context, fleetID, id string) (fleet.DeadLetter, error) {
	return one(ctx, s, "read dead letter", scanLetter, "SELECT "+letterColumns+"WHERE fleet = $1 AND id = $2", fleetID, id)
}

// DeleteDeadLetter removes one, or returns fleet.ErrNotFound.
func (s *Store) DeleteDeadLetter(ctx context.Context, fleetID, id string) error {
	return s.changeOne(ctx, "delete dead letter", "DELETE FROM dead_letters WHERE fleet = $1 AND id = $2", fleetID, id)
}
