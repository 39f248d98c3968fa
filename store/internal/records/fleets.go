package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

// Fleets returns up to limit fleets with ids after the given one.
func (r *Records) Fleets(ctx context.Context, after string, limit int) ([]fleet.Fleet, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list fleets", func(scan func(...any) error) (f fleet.Fleet, err error) {
		return f, scan(&f.ID, moment{&f.CreatedAt})
	}, "SELECT id, created_at FROM fleets WHERE id > $1"+limited(limit), after)
}
