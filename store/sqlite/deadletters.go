package sqlite

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

const letterColumns = "fleet, id, driver, topic, field, reason, received_at, payload FROM dead_letters "

func scanLetter(scan func(...any) error) (d fleet.DeadLetter, err error) {
	var at int64
	err = scan(&d.Fleet, &d.ID, &d.Driver, &d.Topic, &d.Field, &d.Reason, &at, &d.Payload)
	d.ReceivedAt = column.Time(&at)
	return d, err
}

// DeadLetters returns up to limit dead letters of a fleet with ids after the given one.
func (s *Store) DeadLetters(ctx context.Context, fleetID, after string, limit int) ([]fleet.DeadLetter, error) {
	return collect(ctx, s.reader, "list dead letters", scanLetter, "SELECT "+letterColumns+"WHERE fleet = ? AND id > ? ORDER BY id LIMIT ?", fleetID, after, limit)
}

// DeadLetter returns one dead letter, or fleet.ErrNotFound.
func (s *Store) DeadLetter(ctx context.Context, fleetID, id string) (fleet.DeadLetter, error) {
	d, err := scanLetter(s.reader.QueryRowContext(ctx, "SELECT "+letterColumns+"WHERE fleet = ? AND id = ?", fleetID, id).Scan)
	return d, readError("read dead letter", err)
}

// DeleteDeadLetter removes one, or returns fleet.ErrNotFound.
func (s *Store) DeleteDeadLetter(ctx context.Context, fleetID, id string) error {
	return s.changeOne(ctx, "delete dead letter", "DELETE FROM dead_letters WHERE fleet = ? AND id = ?", fleetID, id)
}
