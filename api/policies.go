package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Policy says how dense the history of a fleet, or of one driver, is kept.
type Policy struct {
	Driver      *string `json:"driver" doc:"Null is the whole fleet."`
	MinInterval float64 `json:"min_interval_s" doc:"History keeps one fix in this time, by the fix's own clock, besides turns, starts and stops; 0 keeps all."`
}

// A PolicyRequest sets one.
type PolicyRequest struct {
	MinInterval float64 `json:"min_interval_s" minimum:"0" maximum:"3600" example:"10"`
}

// Policies are those of a fleet.
type Policies struct {
	MinInterval *float64 `json:"min_interval_s" doc:"Of the whole fleet; null: the installation's ingest.min_interval."`
	Items       []Policy `json:"items" nullable:"false" doc:"Of drivers, in the order of their ids."`
	Next        *string  `json:"next"`
}

func (a *API) policyRoutes() {
	const ofFleet, ofDriver = "/policies/fleet", "/policies/drivers/{id}"
	register(a, operation{method: "GET", path: "/policies", id: "list-policies", summary: "How dense the history is kept"}, admins, a.listPolicies)
	register(a, operation{method: "GET", path: ofFleet, id: "read-fleet-policy", summary: "How dense the history of the fleet is kept; 404 when it is not set"}, admins, a.readFleetPolicy)
	register(a, operation{method: "PUT", path: ofFleet, id: "set-fleet-policy", status: http.StatusOK,
		summary: "Set how dense the history of the fleet is kept, from a few seconds later on"}, admins, a.setFleetPolicy)
	register(a, operation{method: "DELETE", path: ofFleet, id: "delete-fleet-policy", summary: "Go back to the installation's ingest.min_interval"}, admins, a.deleteFleetPolicy)
	register(a, operation{method: "GET", path: ofDriver, id: "read-driver-policy", summary: "How dense the history of a driver is kept; 404 when it is as the fleet's"}, admins, a.readDriverPolicy)
	register(a, operation{method: "PUT", path: ofDriver, id: "set-driver-policy", status: http.StatusOK,
		summary: "Set how dense the history of a driver is kept, from a few seconds later on"}, admins, a.setDriverPolicy)
	register(a, operation{method: "DELETE", path: ofDriver, id: "delete-driver-policy", summary: "Go back to the policy of the fleet"}, admins, a.deleteDriverPolicy)
}

func (a *API) listPolicies(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[Policies], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	c := callerOf(ctx)
	found, err := a.Store.DriverPolicies(ctx, c.fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	p := pageOf(found, in.Limit, policy, func(p *fleet.Policy) string { return p.Driver })
	out := Policies{Items: p.Items, Next: p.Next}
	all, err := a.policyOf(ctx, "")
	if all != nil {
		out.MinInterval = &all.MinInterval
	}
	return reply(out), err
}

// policyOf returns the policy of a driver, or of the fleet for none; nil when it
// is not set.
func (a *API) policyOf(ctx context.Context, driver string) (*Policy, error) {
	found, err := a.Store.Policy(ctx, callerOf(ctx).fleet, driver)
	if errors.Is(err, fleet.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := policy(&found)
	return &out, nil
}

func (a *API) readPolicy(ctx context.Context, driver string) (*body[Policy], error) {
	found, err := a.policyOf(ctx, driver)
	if err == nil && found == nil {
		err = fleet.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return reply(*found), nil
}

func (a *API) setPolicy(ctx context.Context, driver string, ask PolicyRequest) (*body[Policy], error) {
	before, err := a.policyOf(ctx, driver)
	if err != nil {
		return nil, err
	}
	p := fleet.Policy{Fleet: callerOf(ctx).fleet, Driver: driver, MinInterval: time.Duration(ask.MinInterval * float64(time.Second))}
	if err := a.Store.SavePolicy(ctx, p); err != nil {
		return nil, inBody(err)
	}
	after := policy(&p)
	return reply(after), a.audit(ctx, "set", "policy", driver, before, after)
}

func (a *API) deletePolicy(ctx context.Context, driver string) (*struct{}, error) {
	before, err := a.readPolicy(ctx, driver)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeletePolicy(ctx, callerOf(ctx).fleet, driver); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "policy", driver, before.Body, nil)
}

func (a *API) readFleetPolicy(ctx context.Context, _ *InFleet) (*body[Policy], error) {
	return a.readPolicy(ctx, "")
}

func (a *API) setFleetPolicy(ctx context.Context, in *struct {
	InFleet
	Body PolicyRequest
}) (*body[Policy], error) {
	return a.setPolicy(ctx, "", in.Body)
}

func (a *API) deleteFleetPolicy(ctx context.Context, _ *InFleet) (*struct{}, error) {
	return a.deletePolicy(ctx, "")
}

func (a *API) readDriverPolicy(ctx context.Context, in *OneDriver) (*body[Policy], error) {
	return a.readPolicy(ctx, in.ID)
}

func (a *API) setDriverPolicy(ctx context.Context, in *struct {
	OneDriver
	Body PolicyRequest
}) (*body[Policy], error) {
	if _, err := a.Store.Driver(ctx, callerOf(ctx).fleet, in.ID); err != nil {
		return nil, err
	}
	return a.setPolicy(ctx, in.ID, in.Body)
}

func (a *API) deleteDriverPolicy(ctx context.Context, in *OneDriver) (*struct{}, error) {
	return a.deletePolicy(ctx, in.ID)
}

func policy(p *fleet.Policy) Policy { return Policy{orNull(p.Driver), p.MinInterval.Seconds()} }
