package records

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// SaveDisagreements enters the last of each driver in a batch's transaction.
func (r *Records) SaveDisagreements(ctx context.Context, tx Tx, all []fleet.Disagreement) error {
	type driver struct{ fleet, id string }
	last := map[driver]time.Time{}
	var drivers []driver
	for _, d := range all {
		key := driver{d.Fleet, d.Driver}
		if _, known := last[key]; !known {
			drivers = append(drivers, key)
		}
		last[key] = d.At
	}
	// All writers lock drivers in one order.
	slices.SortFunc(drivers, func(a, b driver) int { return cmp.Or(cmp.Compare(a.fleet, b.fleet), cmp.Compare(a.id, b.id)) })
	for _, d := range drivers {
		var at any
		if t := last[d]; !t.IsZero() {
			at = t
		}
		if _, err := tx.Exec(ctx, "UPDATE drivers SET disagreed_at = $1 WHERE fleet = $2 AND driver = $3", at, d.fleet, d.id); err != nil {
			return err
		}
	}
	return nil
}
