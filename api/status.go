package api

import (
	"context"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// maxAhead is how far a client's clock may be ahead of ours (docs/history.md).
const maxAhead = 2 * time.Minute

// A StatusRequest says how far a shipment is.
type StatusRequest struct {
	Status  fleet.Status `json:"status" enum:"created,assigned,accepted,picked_up,in_transit,arrived,delivered,failed,returned,cancelled" example:"delivered"`
	At      *stamp       `json:"at,omitempty" doc:"When it happened; default: now." example:"2026-05-01T09:30:00.000Z"`
	Note    string       `json:"note,omitempty" maxLength:"2000" example:"Left at the reception"`
	Lat     *float64     `json:"lat,omitempty" minimum:"-90" maximum:"90"`
	Lon     *float64     `json:"lon,omitempty" minimum:"-180" maximum:"180"`
	Proof   *Proof       `json:"proof,omitempty"`
	Version int64        `json:"version,omitempty" minimum:"0" doc:"Of the shipment that the reporter saw; the same as If-Match."`
}

// A Proof of delivery. Signature and photo are ids that POST
// /shipments/{id}/proof gave, or the data itself: an SVG path, a data URL.
type Proof struct {
	Name      string `json:"name,omitempty" maxLength:"200" example:"Kim Doe"`
	Signature string `json:"signature,omitempty" maxLength:"65536" example:"M1 1L9 9"`
	Photo     string `json:"photo,omitempty" maxLength:"65536"`
}

// A ShipmentEvent is one step in a shipment's history.
type ShipmentEvent struct {
	Status     fleet.Status `json:"status"`
	At         stamp        `json:"at" doc:"By the reporter's clock."`
	ReceivedAt stamp        `json:"received_at"`
	Actor      string       `json:"actor"`
	Source     string       `json:"source,omitempty" doc:"mqtt, http or system."`
	Note       string       `json:"note,omitempty"`
	Lat        *float64     `json:"lat,omitempty"`
	Lon        *float64     `json:"lon,omitempty"`
	Proof      *Proof       `json:"proof,omitempty"`
}

// movers are those who may move a shipment on: a driver only its own, which the
// store checks in the same transaction.
var movers = rule{roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDevice, fleet.RoleDispatcher, fleet.RoleAdmin, fleet.RoleOperator}}

func (a *API) statusRoutes() {
	register(a, operation{method: "POST", path: "/shipments/{id}/status", id: "report-status",
		summary: "Say how far a shipment is; a driver only of its own", status: http.StatusOK, match: true, once: true}, movers, a.reportStatus)
}

func (a *API) reportStatus(ctx context.Context, in *struct {
	OneShipment
	IfMatch
	Body StatusRequest
}) (*tagged[Shipment], error) {
	report, err := in.Body.report(time.Now())
	if err != nil {
		return nil, err
	}
	return a.move(ctx, "report", in.ID, in.IfMatch, report)
}

// report returns what was asked for, if it can be.
func (r *StatusRequest) report(now time.Time) (fleet.StatusReport, error) {
	out := fleet.StatusReport{Status: r.Status, At: orZero(r.At), Note: r.Note, Lat: fleet.OptOf(r.Lat), Lon: fleet.OptOf(r.Lon), Version: r.Version}
	if p := r.Proof; p != nil {
		out.Proof = &fleet.Proof{Name: p.Name, Signature: p.Signature, Photo: p.Photo}
		if !fleet.ValidText(p.Name) || !fleet.ValidText(p.Signature) || !fleet.ValidText(p.Photo) {
			return out, fleet.Invalid("body.proof", "is not plain text")
		}
	}
	switch {
	case out.Lat.OK != out.Lon.OK:
		return out, fleet.Invalid("body.lat", "and lon go together")
	case !fleet.ValidText(r.Note):
		return out, fleet.Invalid("body.note", "is not plain text")
	}
	return out, plausible("body.at", out.At, now)
}

// plausible refuses a time that a client's clock cannot rightly have told; the
// zero time was not told.
func plausible(field string, t, now time.Time) error {
	switch {
	case t.IsZero():
		return nil
	case t.After(now.Add(maxAhead)):
		return fleet.Invalid(field, "is more than 2 minutes ahead of the server's clock")
	case t.Year() < 2000:
		return fleet.Invalid(field, "is not a plausible time")
	}
	return nil
}

// move takes a shipment to another status, on the caller's word.
func (a *API) move(ctx context.Context, action, id string, match IfMatch, report fleet.StatusReport) (*tagged[Shipment], error) {
	c := callerOf(ctx)
	before, err := a.Store.Shipment(ctx, c.fleet, id)
	if err != nil {
		return nil, err
	}
	if driver := c.SpeaksFor(); driver != "" && driver != before.Driver {
		return nil, fleet.ErrNotAssigned
	}
	if expected, err := match.expect(before.Version); err != nil {
		return nil, err
	} else if expected != 0 {
		report.Version = expected
	}
	if report.At.IsZero() {
		report.At = time.Now()
	}
	after, err := a.Store.ReportStatus(ctx, c.fleet, id, c.actor(), report, "http")
	if err != nil {
		return nil, stale(err, report.Version)
	}
	if after.Version == before.Version {
		return shipmentReply(&after), nil // the same report again
	}
	return shipmentReply(&after), a.audit(ctx, action, "shipment", id, shipment(&before), shipment(&after))
}

func shipmentEvent(e *fleet.ShipmentEvent) ShipmentEvent {
	out := ShipmentEvent{e.Status, at(e.At), at(e.ReceivedAt), e.Actor, e.Source, e.Note, e.Lat.Ptr(), e.Lon.Ptr(), nil}
	if p := e.Proof; p != nil {
		out.Proof = &Proof{p.Name, p.Signature, p.Photo}
	}
	return out
}
