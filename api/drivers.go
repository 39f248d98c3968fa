package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/dray-fleet/dray/fleet"
)

// A Driver is who or what is tracked, with the newest that is known.
type Driver struct {
	ID       string     `json:"id"`
	Name     string     `json:"name,omitempty"`
	Duty     fleet.Duty `json:"duty,omitempty" enum:"on,off,break"`
	Presence Presence   `json:"presence"`
	Position *Position  `json:"position"`
	Flags    []string   `json:"flags" nullable:"false" doc:"quarantined: a fix from the future was set aside in the last day. disagreement: two sources are over 500 m apart."`
}

// Presence is whether the driver is connected over MQTT.
type Presence struct {
	State  string `json:"state" enum:"online,offline"`
	At     stamp  `json:"at,omitzero"`
	Reason string `json:"reason,omitempty"`
}

// A Position is the newest plausible fix. What the device did not tell is absent.
type Position struct {
	_          struct{} `nullable:"true"`
	FixAt      stamp    `json:"fix_at" doc:"By the device's clock."`
	ReceivedAt stamp    `json:"received_at"`
	Lat        float64  `json:"lat"`
	Lon        float64  `json:"lon"`
	Accuracy   *float64 `json:"accuracy_m,omitempty"`
	Speed      *float64 `json:"speed_mps,omitempty"`
	Heading    *float64 `json:"heading_deg,omitempty" doc:"Clockwise from true north."`
	Battery    *float64 `json:"battery_pct,omitempty"`
	Source     string   `json:"source,omitempty"`
}

func (a *API) driverRoutes() {
	register(a, operation{method: "GET", path: "/drivers", id: "list-drivers", summary: "Every driver with its latest position"}, readers, a.listDrivers)
	register(a, operation{method: "POST", path: "/drivers", id: "create-driver", summary: "Create a driver",
		status: http.StatusCreated, once: true}, dispatchers, a.createDriver)
	register(a, operation{method: "GET", path: "/drivers/{id}", id: "read-driver", summary: "One driver"}, readers, a.readDriver)
	register(a, operation{method: "PATCH", path: "/drivers/{id}", id: "update-driver", summary: "Rename a driver"}, dispatchers, a.updateDriver)
}

type driverList struct {
	InFleet
	Paging
	Box    string `query:"bbox" maxLength:"128" doc:"west,south,east,north in degrees; west > east crosses the antimeridian." example:"17.8,59.2,18.3,59.5"`
	Status string `query:"status" enum:"online,offline,on,off,break"`
}

func (a *API) listDrivers(ctx context.Context, in *driverList) (*body[page[Driver]], error) {
	c := callerOf(ctx)
	if !c.mayRead("+") {
		return nil, errForbidden
	}
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	q := fleet.DriverQuery{Fleet: c.fleet, Status: in.Status, After: after, Limit: in.Limit}
	if in.Box != "" {
		if q.Box, err = parseBox(in.Box); err != nil {
			return nil, err
		}
	}
	drivers, err := a.Store.Drivers(ctx, q)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(drivers, in.Limit, driver, func(d *fleet.Driver) string { return d.ID })), nil
}

// parseBox reads west,south,east,north.
func parseBox(s string) (*fleet.Box, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return nil, fleet.Invalid("query.bbox", "must be west,south,east,north")
	}
	var v [4]float64
	for i, limit := range [4]float64{180, 90, 180, 90} {
		f, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		if err != nil || !(f >= -limit && f <= limit) { // NaN is neither
			return nil, fleet.Invalid("query.bbox", "must be four numbers of degrees")
		}
		v[i] = f
	}
	if v[1] > v[3] {
		return nil, fleet.Invalid("query.bbox", "has its south above its north")
	}
	return &fleet.Box{West: v[0], South: v[1], East: v[2], North: v[3]}, nil
}

// OneDriver names a driver of the fleet in the path.
type OneDriver struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) readDriver(ctx context.Context, in *OneDriver) (*body[Driver], error) {
	c := callerOf(ctx)
	if !c.mayRead(in.ID) {
		return nil, errForbidden
	}
	d, err := a.Store.Driver(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(driver(&d)), nil
}

// A DriverRequest creates a driver.
type DriverRequest struct {
	ID   string `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"d7"`
	Name string `json:"name,omitempty" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]*$" example:"Dana, van 7"`
}

// A DriverChange holds what may be changed of a driver; absent stays as it is.
type DriverChange struct {
	Name *string `json:"name,omitempty" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]*$" example:"Dana, van 7"`
}

func (a *API) createDriver(ctx context.Context, in *struct {
	InFleet
	Body DriverRequest
}) (*body[Driver], error) {
	c := callerOf(ctx)
	created, err := a.Store.EnsureDriver(ctx, c.fleet, in.Body.ID)
	if err == nil && !created {
		err = fleet.ErrConflict
	}
	if err == nil && in.Body.Name != "" {
		err = a.Store.RenameDriver(ctx, c.fleet, in.Body.ID, in.Body.Name)
	}
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, "create", "driver", in.Body.ID, nil, in.Body); err != nil {
		return nil, err
	}
	d, err := a.Store.Driver(ctx, c.fleet, in.Body.ID)
	if err != nil {
		return nil, err
	}
	return reply(driver(&d)), nil
}

func (a *API) updateDriver(ctx context.Context, in *struct {
	OneDriver
	Body DriverChange
}) (*body[Driver], error) {
	c := callerOf(ctx)
	d, err := a.Store.Driver(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if name := in.Body.Name; name != nil && *name != d.Name {
		if err := a.Store.RenameDriver(ctx, c.fleet, in.ID, *name); err != nil {
			return nil, err
		}
		if err := a.audit(ctx, "update", "driver", in.ID, DriverChange{&d.Name}, DriverChange{name}); err != nil {
			return nil, err
		}
		d.Name = *name
	}
	return reply(driver(&d)), nil
}

func driver(d *fleet.Driver) Driver {
	out := Driver{ID: d.ID, Name: d.Name, Duty: d.Duty, Presence: Presence{State: "offline"}, Flags: d.Flags}
	if out.Flags == nil {
		out.Flags = []string{}
	}
	if p := d.Presence; p != nil {
		out.Presence = Presence{p.State, at(p.At), p.Reason}
	}
	if p := d.Position; p != nil {
		out.Position = &Position{
			FixAt: at(p.FixAt), ReceivedAt: at(p.ReceivedAt), Lat: p.Lat, Lon: p.Lon, Accuracy: p.Accuracy.Ptr(),
			Speed: p.Speed.Ptr(), Heading: p.Heading.Ptr(), Battery: p.Battery.Ptr(), Source: p.Source,
		}
	}
	return out
}
