package api

import (
	"context"
	"net/http"

	"github.com/dray-fleet/dray/fleet"
)

// An Alert is something that a dispatcher has to look at.
type Alert struct {
	ID       string         `json:"id"`
	Kind     string         `json:"kind"`
	Driver   *string        `json:"driver"`
	Subject  *string        `json:"subject" doc:"What else it is about, such as a shipment."`
	Severity fleet.Severity `json:"severity" enum:"info,warning,critical"`
	Detail   string         `json:"detail"`
	OpenedAt stamp          `json:"opened_at"`
	AckedAt  *stamp         `json:"acked_at" nullable:"true"`
	AckedBy  *string        `json:"acked_by"`
	ClosedAt *stamp         `json:"closed_at" nullable:"true"`
	Version  int64          `json:"version"`
}

// An AlertRequest opens an alert.
type AlertRequest struct {
	Kind     string         `json:"kind" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"breakdown"`
	Driver   string         `json:"driver,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"d7"`
	Subject  string         `json:"subject,omitempty" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Severity fleet.Severity `json:"severity" enum:"info,warning,critical" example:"warning"`
	Detail   string         `json:"detail,omitempty" maxLength:"2000" example:"Flat tyre on the E4"`
}

// alerted are those who may see alerts; a token with an acl as on MQTT.
var alerted = rule{acl: true, roles: []fleet.Role{fleet.RoleDispatcher, fleet.RoleAdmin, fleet.RoleService, fleet.RoleOperator}}

func (a *API) alertRoutes() {
	register(a, operation{method: "GET", path: "/alerts", id: "list-alerts", summary: "Alerts by kind and driver"}, alerted, a.listAlerts)
	register(a, operation{method: "POST", path: "/alerts", id: "create-alert", summary: "Open an alert by hand; 409 while one like it is open",
		status: http.StatusCreated, once: true}, dispatchers, a.createAlert)
	register(a, operation{method: "GET", path: "/alerts/{id}", id: "read-alert", summary: "One alert"}, alerted, a.readAlert)
	register(a, operation{method: "POST", path: "/alerts/{id}/ack", id: "ack-alert", summary: "Say that somebody looks after an alert",
		status: http.StatusOK}, dispatchers, a.ackAlert)
	register(a, operation{method: "POST", path: "/alerts/{id}/close", id: "close-alert", summary: "Close an alert",
		status: http.StatusOK}, dispatchers, a.closeAlert)
}

// OneAlert names an alert of the fleet in the path.
type OneAlert struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) listAlerts(ctx context.Context, in *struct {
	InFleet
	Paging
	Kind   string `query:"kind" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Driver string `query:"driver" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Open   bool   `query:"open" doc:"Only those that are not closed."`
}) (*body[page[Alert]], error) {
	c := callerOf(ctx)
	if !c.MaySubscribe(fleet.AlertTopic(c.fleet, "+")) && (in.Kind == "" || !c.MaySubscribe(fleet.AlertTopic(c.fleet, in.Kind))) {
		return nil, errForbidden
	}
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Alerts(ctx, fleet.AlertQuery{Fleet: c.fleet, Kind: in.Kind, Driver: in.Driver, Open: in.Open, After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, alert, func(x *fleet.Alert) string { return x.ID })), nil
}

func (a *API) createAlert(ctx context.Context, in *struct {
	InFleet
	Body AlertRequest
}) (*body[Alert], error) {
	c, ask := callerOf(ctx), in.Body
	if ask.Driver != "" {
		if err := a.knowDriver(ctx, "body.driver", ask.Driver); err != nil {
			return nil, err
		}
	}
	made, opened, err := a.Store.OpenAlert(ctx, fleet.Alert{
		Fleet: c.fleet, Kind: ask.Kind, Driver: ask.Driver, Subject: ask.Subject, Severity: ask.Severity, Detail: ask.Detail,
	})
	if err != nil {
		return nil, inBody(err)
	}
	if !opened {
		if made, err = created(ctx, made, fleet.ErrConflict, func() (fleet.Alert, error) { return made, nil }); err != nil {
			return nil, err
		}
	}
	return reply(alert(&made)), a.audit(ctx, "create", "alert", made.ID, nil, alert(&made))
}

func (a *API) readAlert(ctx context.Context, in *OneAlert) (*body[Alert], error) {
	c := callerOf(ctx)
	found, err := a.Store.Alert(ctx, c.fleet, in.ID)
	if err == nil && !c.MaySubscribe(fleet.AlertTopic(c.fleet, found.Kind)) {
		err = errForbidden
	}
	if err != nil {
		return nil, err
	}
	return reply(alert(&found)), nil
}

func (a *API) ackAlert(ctx context.Context, in *OneAlert) (*body[Alert], error) {
	return a.changeAlert(ctx, in.ID, "acknowledge", a.Store.AckAlert)
}

func (a *API) closeAlert(ctx context.Context, in *OneAlert) (*body[Alert], error) {
	return a.changeAlert(ctx, in.ID, "close", a.Store.CloseAlert)
}

func (a *API) changeAlert(ctx context.Context, id, action string,
	change func(context.Context, fleet.Actor, string, string) (fleet.Alert, error)) (*body[Alert], error) {
	c := callerOf(ctx)
	before, err := a.Store.Alert(ctx, c.fleet, id)
	if err != nil {
		return nil, err
	}
	after, err := change(ctx, c.actor(), c.fleet, id)
	if err != nil {
		return nil, err
	}
	if after.Version == before.Version {
		return reply(alert(&after)), nil // it was done before
	}
	return reply(alert(&after)), a.audit(ctx, action, "alert", id, alert(&before), alert(&after))
}

func alert(x *fleet.Alert) Alert {
	return Alert{x.ID, x.Kind, orNull(x.Driver), orNull(x.Subject), x.Severity, x.Detail, at(x.OpenedAt),
		atOrNull(x.AckedAt), orNull(x.AckedBy), atOrNull(x.ClosedAt), x.Version}
}
