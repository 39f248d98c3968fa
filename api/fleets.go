package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Fleet is a tenant.
type Fleet struct {
	ID        string  `json:"id"`
	TimeZone  *string `json:"time_zone" doc:"IANA name, in which its days begin and its hours are shown; null: not set, then in that of the reader's machine."`
	CreatedAt stamp   `json:"created_at"`
}

// A FleetChange holds what may be changed of a fleet; absent stays as it is.
type FleetChange struct {
	TimeZone *string `json:"time_zone,omitempty" maxLength:"64" doc:"IANA name; empty: not set." example:"Europe/Berlin"`
}

// A FleetRequest creates a fleet, with its first admin if there is to be one.
type FleetRequest struct {
	ID    string      `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"acme"`
	Admin *FirstAdmin `json:"admin,omitempty"`
}

// A FirstAdmin is who creates the other users of a fleet.
type FirstAdmin struct {
	User     string `json:"user" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"boss"`
	Password string `json:"password" minLength:"10" maxLength:"128" format:"password"`
}

// operators are above the fleets; these operations are not on one.
var operators = rule{installation: true, roles: []fleet.Role{fleet.RoleOperator}}

func (a *API) fleetRoutes() {
	register(a, operation{method: "GET", path: "/fleets", id: "list-fleets", summary: "The fleets of the installation"}, operators, a.listFleets)
	register(a, operation{method: "POST", path: "/fleets", id: "create-fleet", summary: "Create a fleet",
		status: http.StatusCreated, once: true}, operators, a.createFleet)
	register(a, operation{method: "GET", path: "/fleet", id: "read-fleet", summary: "The fleet and its time zone"}, people, a.readFleet)
	register(a, operation{method: "PATCH", path: "/fleet", id: "update-fleet", summary: "Set the time zone of the fleet"}, admins, a.updateFleet)
}

func (a *API) listFleets(ctx context.Context, in *Paging) (*body[page[Fleet]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Fleets(ctx, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, fleetOf, func(f *fleet.Fleet) string { return f.ID })), nil
}

func (a *API) createFleet(ctx context.Context, in *struct{ Body FleetRequest }) (*body[Fleet], error) {
	hash := ""
	if admin := in.Body.Admin; admin != nil {
		var err error
		if hash, err = a.password.Hash(ctx, admin.Password); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	created, err := a.Store.EnsureFleet(ctx, in.Body.ID)
	if err == nil && !created {
		err = fleet.ErrConflict
	}
	if err != nil {
		return nil, err
	}
	callerOf(ctx).fleet = in.Body.ID // whose audit it is
	if admin := in.Body.Admin; admin != nil {
		u := fleet.User{Fleet: in.Body.ID, ID: admin.User, Name: admin.User, Role: fleet.RoleAdmin, PasswordHash: hash, CreatedAt: now}
		if err := a.Store.CreateUser(ctx, u); err != nil {
			return nil, err
		}
		if err := a.audit(ctx, "create", "user", u.ID, nil, user(&u)); err != nil {
			return nil, err
		}
	}
	made := Fleet{ID: in.Body.ID, CreatedAt: at(now)}
	return reply(made), a.audit(ctx, "create", "fleet", made.ID, nil, made)
}

func (a *API) readFleet(ctx context.Context, _ *InFleet) (*body[Fleet], error) {
	f, err := a.fleet(ctx)
	if err != nil {
		return nil, err
	}
	return reply(fleetOf(&f)), nil
}

// fleet is the caller's. One that a token names comes into being at first sight;
// an operator names it in the query, where it may be a slip.
func (a *API) fleet(ctx context.Context) (fleet.Fleet, error) {
	c := callerOf(ctx)
	f, err := a.Store.Fleet(ctx, c.fleet)
	if !errors.Is(err, fleet.ErrNotFound) || a.Closed || c.Role == fleet.RoleOperator {
		return f, err
	}
	if _, err := a.Store.EnsureFleet(ctx, c.fleet); err != nil {
		return f, err
	}
	return a.Store.Fleet(ctx, c.fleet)
}

func (a *API) updateFleet(ctx context.Context, in *struct {
	InFleet
	Body FleetChange
}) (*body[Fleet], error) {
	c := callerOf(ctx)
	before, err := a.fleet(ctx)
	if err != nil {
		return nil, err
	}
	after := before
	set(&after.TimeZone, in.Body.TimeZone)
	if err := a.Store.UpdateFleet(ctx, c.actor(), after); err != nil {
		return nil, inBody(err)
	}
	return reply(fleetOf(&after)), a.audit(ctx, "update", "fleet", after.ID, fleetOf(&before), fleetOf(&after))
}

func fleetOf(f *fleet.Fleet) Fleet { return Fleet{f.ID, orNull(f.TimeZone), at(f.CreatedAt)} }
