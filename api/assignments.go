package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const maxDeadline = 31 * 24 * time.Hour // ahead

// An Assignment is the offer of a shipment to a driver.
type Assignment struct {
	ID       string                `json:"id"`
	Shipment string                `json:"shipment"`
	Driver   string                `json:"driver"`
	State    fleet.AssignmentState `json:"state" enum:"offered,received,seen,accepted,declined,withdrawn,expired"`
	Deadline *stamp                `json:"deadline" nullable:"true" doc:"For the answer."`
	Receipts []Receipt             `json:"receipts" nullable:"false" doc:"In the order of their arrival."`
	Version  int64                 `json:"version"`
}

// A Receipt is what the driver said of an assignment.
type Receipt struct {
	State  fleet.ReceiptState `json:"state" enum:"received,seen,accepted,declined" example:"accepted"`
	At     *stamp             `json:"at,omitempty" doc:"Default: now." example:"2026-05-01T08:05:00.000Z"`
	Reason string             `json:"reason,omitempty" maxLength:"2000" doc:"Why it is declined."`
}

// An AssignRequest offers a shipment to a driver, and to others if that one
// declines or lets the deadline pass.
type AssignRequest struct {
	Driver   string   `json:"driver" pattern:"^[A-Za-z0-9_-]{1,64}$" example:"d7"`
	Deadline *stamp   `json:"deadline,omitempty" doc:"For the answer; default: none." example:"2026-05-01T08:30:00.000Z"`
	Next     []string `json:"next,omitempty" nullable:"false" maxItems:"50" doc:"Drivers to try after this one, in order." example:"[\"d8\",\"d9\"]"`
}

// answerers give the receipts of their own assignments.
var answerers = rule{roles: []fleet.Role{fleet.RoleDriver, fleet.RoleDevice}}

func (a *API) assignmentRoutes() {
	register(a, operation{method: "POST", path: "/shipments/{id}/assign", id: "assign-shipment",
		summary: "Offer a shipment to a driver; an offer to another is withdrawn", status: http.StatusCreated,
		match: true, once: true}, dispatchers, a.assign)
	register(a, operation{method: "GET", path: "/assignments", id: "list-assignments",
		summary: "Assignments by shipment, driver and state; of a driver the own ones"}, dispatched, a.listAssignments)
	register(a, operation{method: "GET", path: "/assignments/{id}", id: "read-assignment", summary: "One assignment"}, dispatched, a.readAssignment)
	register(a, operation{method: "POST", path: "/assignments/{id}/withdraw", id: "withdraw-assignment",
		summary: "Take an offer back; its driver is told", once: true, status: http.StatusOK}, dispatchers, a.withdraw)
	register(a, operation{method: "POST", path: "/assignments/{id}/receipt", id: "save-receipt",
		summary: "The driver's answer, for when MQTT does not get through", once: true, status: http.StatusOK}, answerers, a.saveReceipt)
}

func (a *API) assign(ctx context.Context, in *struct {
	OneShipment
	IfMatch
	Body AssignRequest
}) (*body[Assignment], error) {
	c, ask, now := callerOf(ctx), in.Body, time.Now()
	deadline := orZero(ask.Deadline)
	if !deadline.IsZero() && (deadline.Before(now) || deadline.After(now.Add(maxDeadline))) {
		return nil, fleet.Invalid("body.deadline", "must be within the next 31 days")
	}
	s, err := a.Store.Shipment(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if !in.holds(s.Version) {
		return nil, errPrecondition
	}
	if err := a.knowDriver(ctx, "body.driver", ask.Driver); err != nil {
		return nil, err
	}
	for _, driver := range ask.Next {
		if err := a.knowDriver(ctx, "body.next", driver); err != nil {
			return nil, err
		}
	}
	id := newID(ctx)
	made, err := a.Store.CreateAssignment(ctx, c.actor(), fleet.Assignment{
		Fleet: c.fleet, ID: id, Shipment: in.ID, Driver: ask.Driver, Deadline: deadline, Next: ask.Next,
	})
	made, err = created(ctx, made, err, func() (fleet.Assignment, error) { return a.Store.Assignment(ctx, c.fleet, id) })
	if err != nil {
		return nil, err
	}
	return reply(assignment(&made)), a.audit(ctx, "assign", "shipment", in.ID, nil, assignment(&made))
}

// knowDriver refuses a driver that the fleet does not have.
func (a *API) knowDriver(ctx context.Context, field, driver string) error {
	if !fleet.ValidID(driver) {
		return fleet.Invalid(field, "holds what is not an id")
	}
	_, err := a.Store.Driver(ctx, callerOf(ctx).fleet, driver)
	if errors.Is(err, fleet.ErrNotFound) {
		return fleet.Invalid(field, "is not a driver of this fleet")
	}
	return err
}

func (a *API) listAssignments(ctx context.Context, in *struct {
	InFleet
	Paging
	Shipment string `query:"shipment" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Driver   string `query:"driver" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	State    string `query:"state" enum:"offered,received,seen,accepted,declined,withdrawn,expired"`
}) (*body[page[Assignment]], error) {
	c := callerOf(ctx)
	driver, err := c.narrow(in.Driver, c.MaySubscribe(fleet.AssignmentTopic(c.fleet, "+")))
	if err != nil {
		return nil, err
	}
	after, err := in.after(fleet.ValidID)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Assignments(ctx, fleet.AssignmentQuery{
		Fleet: c.fleet, Shipment: in.Shipment, Driver: driver, State: fleet.AssignmentState(in.State), After: after, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return reply(pageOf(found, in.Limit, assignment, func(x *fleet.Assignment) string { return x.ID })), nil
}

// OneAssignment names an assignment of the fleet in the path.
type OneAssignment struct {
	InFleet
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (a *API) readAssignment(ctx context.Context, in *OneAssignment) (*body[Assignment], error) {
	c := callerOf(ctx)
	found, err := a.Store.Assignment(ctx, c.fleet, in.ID)
	if err == nil && !c.MaySubscribe(fleet.AssignmentTopic(c.fleet, in.ID)) && !c.mayReadJobs(found.Driver) {
		err = errForbidden
	}
	if err != nil {
		return nil, err
	}
	return reply(assignment(&found)), nil
}

func (a *API) withdraw(ctx context.Context, in *OneAssignment) (*body[Assignment], error) {
	c := callerOf(ctx)
	before, err := a.Store.Assignment(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := a.Store.WithdrawAssignment(ctx, c.actor(), c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(assignment(&after)), a.audit(ctx, "withdraw", "assignment", in.ID, assignment(&before), assignment(&after))
}

func (a *API) saveReceipt(ctx context.Context, in *struct {
	OneAssignment
	Body Receipt
}) (*body[Assignment], error) {
	c, now := callerOf(ctx), time.Now()
	r := fleet.AssignmentReceipt{State: in.Body.State, At: orZero(in.Body.At), Reason: in.Body.Reason}
	if !fleet.ValidText(r.Reason) {
		return nil, fleet.Invalid("body.reason", "is not plain text")
	}
	if err := plausible("body.at", r.At, now); err != nil {
		return nil, err
	}
	if r.At.IsZero() {
		r.At = now
	}
	before, err := a.Store.Assignment(ctx, c.fleet, in.ID)
	if err != nil {
		return nil, err
	}
	if before.Driver != c.SpeaksFor() {
		return nil, fleet.ErrNotAssigned
	}
	after, err := a.Store.SaveReceipt(ctx, c.fleet, in.ID, c.actor(), r, "http")
	if err != nil {
		return nil, err
	}
	if after.Version == before.Version {
		return reply(assignment(&after)), nil // the same receipt again
	}
	return reply(assignment(&after)), a.audit(ctx, "receipt", "assignment", in.ID, assignment(&before), assignment(&after))
}

func assignment(x *fleet.Assignment) Assignment {
	out := Assignment{x.ID, x.Shipment, x.Driver, x.State, atOrNull(x.Deadline), []Receipt{}, x.Version}
	for _, r := range x.Receipts {
		out.Receipts = append(out.Receipts, Receipt{r.State, atOrNull(r.At), r.Reason})
	}
	return out
}
