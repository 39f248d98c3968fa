package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

const fleetColumns = "SELECT id, time_zone, created_at FROM fleets"

func scanFleet(scan func(...any) error) (f fleet.Fleet, err error) {
	return f, scan(&f.ID, &f.TimeZone, moment{&f.CreatedAt})
}

// Fleet returns one, or fleet.ErrNotFound.
func (r *Records) Fleet(ctx context.Context, id string) (fleet.Fleet, error) {
	return one(ctx, r, "read fleet", scanFleet, fleetColumns+" WHERE id = $1", id)
}

// Fleets returns up to limit fleets with ids after the given one.
func (r *Records) Fleets(ctx context.Context, after string, limit int) ([]fleet.Fleet, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list fleets", scanFleet, fleetColumns+" WHERE id > $1"+limited(limit), after)
}

// UpdateFleet sets the time zone.
func (r *Records) UpdateFleet(ctx context.Context, by fleet.Actor, f fleet.Fleet) error {
	if err := f.Validate(); err != nil {
		return err
	}
	return r.changeOne(ctx, by, "update fleet", "UPDATE fleets SET time_zone = $1 WHERE id = $2", f.TimeZone, f.ID)
}
