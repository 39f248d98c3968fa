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
	return reply(Erasure(done)), nil
}
