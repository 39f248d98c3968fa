package api

import (
	"context"
	"net/http"

	"github.com/dray-fleet/dray/fleet"
)

// A Geofence is an area with entered and left events: a polygon or a circle.
type Geofence struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Polygon   []Point `json:"polygon,omitempty" nullable:"false"`
	Circle    *Circle `json:"circle,omitempty"`
	CreatedAt stamp   `json:"created_at"`
	UpdatedAt stamp   `json:"updated_at"`
}

// A Point is a place on the earth in degrees.
type Point struct {
	Lat float64 `json:"lat" minimum:"-90" maximum:"90" example:"59.33"`
	Lon float64 `json:"lon" minimum:"-180" maximum:"180" example:"18.07"`
}

// A Circle is what lies within so many metres of its centre.
type Circle struct {
	Center Point   `json:"center"`
	Radius float64 `json:"radius_m" exclusiveMinimum:"0" maximum:"1000000" example:"150"`
}

// A GeofenceRequest creates a geofence, or replaces one.
type GeofenceRequest struct {
	ID      string  `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Default: a new one; of no meaning in a change." example:"harbour"`
	Name    string  `json:"name,omitempty" maxLength:"200" example:"Harbour"`
	Polygon []Point `json:"polygon,omitempty" nullable:"false" minItems:"3" maxItems:"1000" doc:"Its last point joins the first by itself."`
	Circle  *Circle `json:"circle,omitempty"`
}

// A GeofenceChange holds what may be changed of a geofence; absent stays as it
// is. A polygon takes the place of a circle, and the other way round.
type GeofenceChange struct {
	Name    *string `json:"name,omitempty" maxLength:"200" example:"Old harbour"`
	Polygon []Point `json:"polygon,omitempty" nullable:"false" minItems:"3" maxItems:"1000"`
	Circle  *Circle `json:"circle,omitempty"`
}

func (a *API) geofenceRoutes() {
	register(a, operation{method: "GET", path: "/geofences", id: "list-geofences", summary: "The geofences of the fleet"}, dispatchers, a.listGeofences)
	register(a, operation{method: "POST", path: "/geofences", id: "create-geofence", summary: "Create a geofence",
		status: http.StatusCreated, once: true}, dispatchers, a.createGeofence)
	register(a, operation{method: "GET", path: "/geofences/{id}", id: "read-geofence", summary: "One geofence"}, dispatchers, a.readGeofence)
	register(a, operation{method: "PATCH", path: "/geofences/{id}", id: "update-geofence", summary: "Change a geofence"}, dispatchers, a.updateGeofence)
	register(a, operation{method: "DELETE", path: "/geofences/{id}", id: "delete-geofence", summary: "Delete a geofence"}, dispatchers, a.deleteGeofence)
}

// OneGeofence names a geofence of the fleet in the path.
type OneGeofence struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) listGeofences(ctx context.Context, in *struct {
	InFleet
	Paging
}) (*body[page[Geofence]], error) {
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Geofences(ctx, callerOf(ctx).fleet, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, geofence, func(g *fleet.Geofence) string { return g.ID })), nil
}

func (a *API) createGeofence(ctx context.Context, in *struct {
	InFleet
	Body GeofenceRequest
}) (*body[Geofence], error) {
	c, ask := callerOf(ctx), in.Body
	if ask.ID == "" {
		ask.ID = newID(ctx)
	}
	g := fleet.Geofence{Fleet: c.fleet, ID: ask.ID, Name: ask.Name, Polygon: points(ask.Polygon), Circle: ask.Circle.circle()}
	g, err := a.Store.CreateGeofence(ctx, c.actor(), g)
	g, err = created(ctx, g, err, func() (fleet.Geofence, error) { return a.Store.Geofence(ctx, c.fleet, ask.ID) })
	if err != nil {
		return nil, inBody(err)
	}
	return reply(geofence(&g)), a.audit(ctx, "create", "geofence", g.ID, nil, geofence(&g))
}

func (a *API) readGeofence(ctx context.Context, in *OneGeofence) (*body[Geofence], error) {
	g, err := a.Store.Geofence(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(geofence(&g)), nil
}

func (a *API) updateGeofence(ctx context.Context, in *struct {
	OneGeofence
	Body GeofenceChange
}) (*body[Geofence], error) {
	c, ask := callerOf(ctx), in.Body
	before, err := a.Store.Geofence(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	after := before
	set(&after.Name, ask.Name)
	if ask.Polygon != nil || ask.Circle != nil {
		after.Polygon, after.Circle = points(ask.Polygon), ask.Circle.circle()
	}
	if err := a.Store.UpdateGeofence(ctx, c.actor(), after); err != nil {
		return nil, inBody(err)
	}
	if after, err = a.Store.Geofence(ctx, c.fleet, in.ID); err != nil {
		return nil, err
	}
	return reply(geofence(&after)), a.audit(ctx, "update", "geofence", in.ID, geofence(&before), geofence(&after))
}

func (a *API) deleteGeofence(ctx context.Context, in *OneGeofence) (*struct{}, error) {
	c := callerOf(ctx)
	g, err := a.Store.Geofence(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.DeleteGeofence(ctx, c.actor(), c.fleet, in.ID); err != nil {
		return nil, err
	}
	return nil, a.audit(ctx, "delete", "geofence", in.ID, geofence(&g), nil)
}

func points(from []Point) []fleet.Point {
	var to []fleet.Point
	for _, p := range from {
		to = append(to, fleet.Point(p))
	}
	return to
}

func (c *Circle) circle() *fleet.Circle {
	if c == nil {
		return nil
	}
	return &fleet.Circle{Center: fleet.Point(c.Center), Radius: c.Radius}
}

func geofence(g *fleet.Geofence) Geofence {
	out := Geofence{ID: g.ID, Name: g.Name, CreatedAt: at(g.CreatedAt), UpdatedAt: at(g.UpdatedAt)}
	for _, p := range g.Polygon {
		out.Polygon = append(out.Polygon, Point(p))
	}
	if g.Circle != nil {
		out.Circle = &Circle{Point(g.Circle.Center), g.Circle.Radius}
	}
	return out
}
