package api

import (
	"context"
	"net/http"

	"github.com/dray-fleet/dray/fleet"
)

// An Erasure says what was removed of a driver.
type Erasure struct {
	Positions   int64 `json:"positions"`
	Quarantined int64 `json:"quarantined"`
	Trips       int64 `json:"trips"`
	DeadLetters int64 `json:"dead_letters"`
	Proofs      int64 `json:"proofs" doc:"Photos and signatures of deliveries."`
}

func (a *API) eraseRoutes() {
	register(a, operation{method: "DELETE", path: "/drivers/{id}/data", id: "erase-driver", time: sendTime - requestTime, status: http.StatusOK,
		summary: "Erase what is stored of a driver, but the audit, which says that it was done"}, admins, a.eraseDriver)
}

func (a *API) eraseDriver(ctx context.Context, in *OneDriver) (*body[Erasure], error) {
	c := callerOf(ctx)
	done, err := a.Store.EraseDriver(ctx, c.fleet, in.ID, fleet.AuditEntry{Actor: c.Subject, Address: c.address})
	if err != nil {
		return nil, err
	}
	if a.Erased != nil {
		a.Erased(c.fleet, in.ID)
	}
	return reply(Erasure(done)), a.eraseProofs(ctx, c.fleet, in.ID)
}

// eraseProofs deletes the files of a driver. What cannot be deleted is still
// known, for the next try.
func (a *API) eraseProofs(ctx context.Context, fleetID, driver string) error {
	for {
		files, err := a.Store.ProofsOf(ctx, fleetID, driver, 100)
		if err != nil || len(files) == 0 {
			return err
		}
		if a.Blobs == nil {
			return errNoBlobs
		}
		for _, f := range files {
			if err := a.Blobs.Delete(ctx, blobName(f.Fleet, f.Shipment, f.ID)); err != nil {
				return err
			}
			if err := a.Store.ForgetProof(ctx, f); err != nil {
				return err
			}
		}
	}
}
