package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/dray-fleet/dray/fleet"
)

// A Shipment is a thing to be moved.
type Shipment struct {
	ID        string       `json:"id"`
	Reference string       `json:"reference"`
	Status    fleet.Status `json:"status" enum:"created,assigned,accepted,picked_up,in_transit,arrived,delivered,failed,returned,cancelled"`
	Driver    *string      `json:"driver" doc:"Who has it, or to whom it is offered."`
	Pickup    Place        `json:"pickup"`
	Dropoff   Place        `json:"dropoff"`
	Note      string       `json:"note"`
	Version   int64        `json:"version" doc:"Counts every change; the ETag."`
	CreatedAt stamp        `json:"created_at"`
	UpdatedAt stamp        `json:"updated_at"`
}

// A Place is where a shipment is fetched or brought, and when it may be.
type Place struct {
	Name    string   `json:"name,omitempty" maxLength:"500" example:"Harbour depot"`
	Address string   `json:"address,omitempty" maxLength:"500" example:"Kajgatan 1, Stockholm"`
	Lat     *float64 `json:"lat,omitempty" minimum:"-90" maximum:"90" example:"59.33"`
	Lon     *float64 `json:"lon,omitempty" minimum:"-180" maximum:"180" example:"18.07"`
	From    *stamp   `json:"from,omitempty" example:"2026-05-01T08:00:00.000Z"`
	To      *stamp   `json:"to,omitempty" example:"2026-05-01T10:00:00.000Z"`
}

// A ShipmentRequest creates a shipment.
type ShipmentRequest struct {
	ID        string `json:"id,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Default: a new one." example:"s1001"`
	Reference string `json:"reference,omitempty" maxLength:"200" doc:"What people call it." example:"ORD-1001"`
	Pickup    Place  `json:"pickup,omitzero"`
	Dropoff   Place  `json:"dropoff,omitzero"`
	Note      string `json:"note,omitempty" maxLength:"2000" example:"Fragile"`
}

// A ShipmentChange holds what may be changed of a shipment; absent stays as it
// is, and a place is replaced as a whole.
type ShipmentChange struct {
	Reference *string `json:"reference,omitempty" maxLength:"200"`
	Pickup    *Place  `json:"pickup,omitempty"`
	Dropoff   *Place  `json:"dropoff,omitempty"`
	Note      *string `json:"note,omitempty" maxLength:"2000" example:"Ring twice"`
}

// A Cancellation may say why.
type Cancellation struct {
	Note string `json:"note,omitempty" maxLength:"2000" example:"The customer called it off"`
}

// dispatched are those who may see shipments: the fleet's dispatchers all, a
// driver its own, and a token with an acl what it may subscribe to on MQTT.
var dispatched = rule{acl: true, roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDevice, fleet.RoleDispatcher,
	fleet.RoleAdmin, fleet.RoleService, fleet.RoleOperator}}

func (a *API) shipmentRoutes() {
	register(a, operation{method: "GET", path: "/shipments", id: "list-shipments",
		summary: "Shipments by status, driver and text; of a driver the own ones"}, dispatched, a.listShipments)
	register(a, operation{method: "POST", path: "/shipments", id: "create-shipment", summary: "Create a shipment",
		status: http.StatusCreated, once: true}, dispatchers, a.createShipment)
	register(a, operation{method: "GET", path: "/shipments/{id}", id: "read-shipment", summary: "One shipment"}, dispatched, a.readShipment)
	register(a, operation{method: "PATCH", path: "/shipments/{id}", id: "update-shipment", summary: "Change a shipment",
		match: true, once: true}, dispatchers, a.updateShipment)
	register(a, operation{method: "POST", path: "/shipments/{id}/cancel", id: "cancel-shipment",
		summary: "Cancel a shipment; its driver is told", status: http.StatusOK, match: true, once: true}, dispatchers, a.cancelShipment)
	register(a, operation{method: "GET", path: "/shipments/{id}/events", id: "list-shipment-events",
		summary: "What happened to a shipment, oldest first"}, dispatched, a.listShipmentEvents)
}

// mayReadJobs reports whether the caller may see what driver carries: who may
// subscribe to its assignments on MQTT gets the shipments with them.
func (c *caller) mayReadJobs(driver string) bool {
	return driver != "" && c.MaySubscribe(fleet.DriverTopic(c.fleet, driver, "assignments"))
}

// narrow returns the driver to whose shipments or assignments a list is
// narrowed, given the one that was asked for and whether the caller may see all.
func (c *caller) narrow(asked string, all bool) (driver string, err error) {
	switch {
	case all || c.mayReadJobs(asked):
		return asked, nil
	case asked == "" && c.mayReadJobs(c.SpeaksFor()):
		return c.SpeaksFor(), nil
	}
	return "", errForbidden
}

func (c *caller) actor() fleet.Actor { return fleet.Actor{Subject: c.Subject, Driver: c.SpeaksFor()} }

func (a *API) listShipments(ctx context.Context, in *struct {
	InFleet
	Paging
	Status string `query:"status" enum:"created,assigned,accepted,picked_up,in_transit,arrived,delivered,failed,returned,cancelled"`
	Driver string `query:"driver" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Text   string `query:"text" maxLength:"200" doc:"In the reference, note, names or addresses." example:"harbour"`
}) (*body[page[Shipment]], error) {
	c := callerOf(ctx)
	driver, err := c.narrow(in.Driver, c.MaySubscribe(fleet.ShipmentTopic(c.fleet, "+")))
	if err != nil {
		return nil, err
	}
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	if !fleet.ValidText(in.Text) {
		return nil, fleet.Invalid("query.text", "is not plain text")
	}
	found, err := a.Store.Shipments(ctx, fleet.ShipmentQuery{
		Fleet: c.fleet, Status: fleet.Status(in.Status), Driver: driver, Text: in.Text, After: after, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, shipment, func(s *fleet.Shipment) string { return s.ID })), nil
}

// OneShipment names a shipment of the fleet in the path.
type OneShipment struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

// visible returns a shipment that the caller may see.
func (a *API) visible(ctx context.Context, id string) (fleet.Shipment, error) {
	c := callerOf(ctx)
	s, err := a.Store.Shipment(ctx, c.fleet, id)
	if err == nil && !c.MaySubscribe(fleet.ShipmentTopic(c.fleet, id)) && !c.mayReadJobs(s.Driver) {
		err = errForbidden
	}
	return s, err
}

func (a *API) readShipment(ctx context.Context, in *OneShipment) (*tagged[Shipment], error) {
	s, err := a.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return shipmentReply(&s), nil
}

func (a *API) createShipment(ctx context.Context, in *struct {
	InFleet
	Body ShipmentRequest
}) (*tagged[Shipment], error) {
	c, ask := callerOf(ctx), in.Body
	if ask.ID == "" {
		ask.ID = newID(ctx)
	}
	s := fleet.Shipment{Fleet: c.fleet, ID: ask.ID, Reference: ask.Reference, Pickup: ask.Pickup.place(), Dropoff: ask.Dropoff.place(), Note: ask.Note}
	if err := s.Validate(); err != nil {
		return nil, inBody(err)
	}
	s, err := a.Store.CreateShipment(ctx, c.actor(), s)
	s, err = created(ctx, s, err, func() (fleet.Shipment, error) { return a.Store.Shipment(ctx, c.fleet, ask.ID) })
	if err != nil {
		return nil, err
	}
	return shipmentReply(&s), a.audit(ctx, "create", "shipment", s.ID, nil, shipment(&s))
}

func (a *API) updateShipment(ctx context.Context, in *struct {
	OneShipment
	IfMatch
	Body ShipmentChange
}) (*tagged[Shipment], error) {
	before, err := a.Store.Shipment(ctx, callerOf(ctx).fleet, in.ID)
	if err != nil {
		return nil, err
	}
	expected, err := in.expect(before.Version)
	if err != nil {
		return nil, err
	}
	patch := fleet.ShipmentPatch{Reference: in.Body.Reference, Note: in.Body.Note}
	for from, to := range map[*Place]**fleet.Place{in.Body.Pickup: &patch.Pickup, in.Body.Dropoff: &patch.Dropoff} {
		if from != nil {
			p := from.place()
			*to = &p
		}
	}
	wanted := patch.Apply(before)
	if err := wanted.Validate(); err != nil {
		return nil, inBody(err)
	}
	after, err := a.Store.PatchShipment(ctx, callerOf(ctx).actor(), before.Fleet, in.ID, expected, patch)
	if err != nil {
		return nil, stale(err, expected)
	}
	return shipmentReply(&after), a.audit(ctx, "update", "shipment", in.ID, shipment(&before), shipment(&after))
}

func (a *API) cancelShipment(ctx context.Context, in *struct {
	OneShipment
	IfMatch
	Body *Cancellation
}) (*tagged[Shipment], error) {
	report := fleet.StatusReport{Status: fleet.StatusCancelled}
	if in.Body != nil {
		report.Note = in.Body.Note
	}
	return a.move(ctx, "cancel", in.ID, in.IfMatch, report)
}

func (a *API) listShipmentEvents(ctx context.Context, in *struct {
	OneShipment
	Paging
}) (*body[page[ShipmentEvent]], error) {
	cursor, err := in.number()
	if err != nil {
		return nil, err
	}
	s, err := a.visible(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.ShipmentEvents(ctx, s.Fleet, s.ID, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, shipmentEvent, func(e *fleet.ShipmentEvent) string { return strconv.FormatInt(e.ID, 10) })), nil
}

func shipmentReply(s *fleet.Shipment) *tagged[Shipment] {
	return &tagged[Shipment]{etag(s.Version), shipment(s)}
}

func shipment(s *fleet.Shipment) Shipment {
	return Shipment{s.ID, s.Reference, s.Status, orNull(s.Driver), place(&s.Pickup), place(&s.Dropoff), s.Note, s.Version, at(s.CreatedAt), at(s.UpdatedAt)}
}

func place(p *fleet.Place) Place {
	return Place{p.Name, p.Address, p.Lat.Ptr(), p.Lon.Ptr(), atOrNull(p.From), atOrNull(p.To)}
}

func (p *Place) place() fleet.Place {
	return fleet.Place{Name: p.Name, Address: p.Address, Lat: fleet.OptOf(p.Lat), Lon: fleet.OptOf(p.Lon), From: orZero(p.From), To: orZero(p.To)}
}
