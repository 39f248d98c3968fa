package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

// KeepProof notes whose a file is. It comes before the file, so that there is
// none of which nobody knows.
func (r *Records) KeepProof(ctx context.Context, f fleet.ProofFile) error {
	return r.db.Write(ctx, "keep proof", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO proofs (fleet, shipment, file, driver) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", f.Fleet, f.Shipment, f.ID, f.Driver)
		return err
	})
}

// ProofsOf returns some files of a driver, while there are any.
func (r *Records) ProofsOf(ctx context.Context, fleetID, driver string, limit int) ([]fleet.ProofFile, error) {
	return list(ctx, r, "list proofs", func(scan func(...any) error) (f fleet.ProofFile, err error) {
		return f, scan(&f.Fleet, &f.Shipment, &f.ID, &f.Driver)
	}, "SELECT fleet, shipment, file, driver FROM proofs WHERE fleet = $1 AND driver = $2 ORDER BY shipment, file LIMIT $3", fleetID, driver, limit)
}

// ForgetProof comes after the file is deleted.
func (r *Records) ForgetProof(ctx context.Context, f fleet.ProofFile) error {
	return r.db.Write(ctx, "forget proof", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM proofs WHERE fleet = $1 AND shipment = $2 AND file = $3", f.Fleet, f.Shipment, f.ID)
		return err
	})
}
