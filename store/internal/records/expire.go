package records

import (
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// expirable bounds how many assignments one call ends.
const expirable = 500

// ExpireAssignments ends those whose deadline has passed; see storetest.Records.
func (r *Records) ExpireAssignments(ctx context.Context, now time.Time) (n int, err error) {
	due, err := list(ctx, r, "list expired assignments", scanAssignment, assignmentColumns+
		" WHERE deadline <= $1 AND state IN ('offered', 'received', 'seen') ORDER BY deadline LIMIT $2", now, expirable)
	if err != nil {
		return 0, err
	}
	for _, a := range due {
		err := r.write(ctx, fleet.System, "expire assignment", func(ctx context.Context, tx Tx) error {
			expired, err := r.expire(ctx, tx, a.Fleet, a.ID, now)
			if expired {
				n++
			}
			return err
		})
		if err != nil && !errors.Is(err, fleet.ErrNotFound) {
			return n, err
		}
	}
	return n, nil
}

// expire reports whether the assignment was still waiting for its answer.
func (r *Records) expire(ctx context.Context, tx Tx, fleetID, id string, now time.Time) (bool, error) {
	s, a, err := r.lockBoth(ctx, tx, fleetID, id)
	if err != nil || !a.Pending() || a.Deadline.After(now) {
		return false, err
	}
	a.State = fleet.AssignmentExpired
	if err := saveAssignment(ctx, tx, &a); err != nil {
		return false, err
	}
	if found, err := offerNext(ctx, tx, &s, &a, fleet.System.Subject, "system"); err != nil || found {
		return true, err
	}
	if err := takeBack(ctx, tx, &s, &a, fleet.System.Subject, "system", "no answer in time"); err != nil {
		return true, err
	}
	_, _, err = openAlert(ctx, tx, fleet.Alert{Fleet: a.Fleet, Kind: fleet.AlertExpired, Driver: a.Driver, Subject: a.Shipment,
		Severity: fleet.SeverityWarning, Detail: "no driver has answered in time"}, true)
	return true, err
}
