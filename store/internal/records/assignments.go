package records

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const assignmentColumns = "SELECT fleet, id, shipment, driver, state, deadline, next, receipts, version, created_at FROM assignments"

func scanAssignment(scan func(...any) error) (a fleet.Assignment, err error) {
	err = scan(&a.Fleet, &a.ID, &a.Shipment, &a.Driver, &a.State, moment{&a.Deadline}, document{&a.Next}, document{&a.Receipts}, &a.Version, moment{&a.CreatedAt})
	if len(a.Next) == 0 {
		a.Next = nil
	}
	if len(a.Receipts) == 0 {
		a.Receipts = nil
	}
	return a, err
}

func checkAssignment(a *fleet.Assignment) error {
	switch {
	case !fleet.ValidID(a.ID):
		return fleet.Invalid("id", "is not an id")
	case !fleet.ValidID(a.Driver):
		return fleet.Invalid("driver", "is not an id")
	case len(a.Next) > fleet.MaxNext:
		return fleet.Invalid("next", "names too many drivers")
	}
	for _, d := range a.Next {
		if !fleet.ValidID(d) {
			return fleet.Invalid("next", "holds one that is not an id")
		}
	}
	return nil
}

// CreateAssignment offers a shipment to a driver; see storetest.Records.
func (r *Records) CreateAssignment(ctx context.Context, by fleet.Actor, a fleet.Assignment) (fleet.Assignment, error) {
	if a.ID == "" {
		a.ID = newID()
	}
	if err := checkAssignment(&a); err != nil {
		return fleet.Assignment{}, err
	}
	err := r.write(ctx, by, "create assignment", func(ctx context.Context, tx Tx) error {
		s, err := r.lockShipment(ctx, tx, a.Fleet, a.Shipment)
		if err != nil {
			return err
		}
		if err := knownDrivers(ctx, tx, &a); err != nil {
			return err
		}
		if s.Status == fleet.StatusAssigned || s.Status == fleet.StatusAccepted {
			if err := r.moveAssignment(ctx, tx, &s, fleet.StatusReport{Status: fleet.StatusCreated}, now()); err != nil {
				return err
			}
		} else if !fleet.CanMove(s.Status, fleet.StatusAssigned) {
			return &fleet.MoveError{Entity: "shipment", ID: s.ID, From: string(s.Status), To: string(fleet.StatusAssigned)}
		}
		return offer(ctx, tx, &s, &a, by.Subject, "http")
	})
	return a, err
}

// knownDrivers returns an *fleet.InvalidError when a names one that is not there.
func knownDrivers(ctx context.Context, tx Tx, a *fleet.Assignment) error {
	for i, d := range append([]string{a.Driver}, a.Next...) {
		found, err := rows(ctx, tx, number, "SELECT 1 FROM drivers WHERE fleet = $1 AND driver = $2", a.Fleet, d)
		switch {
		case err != nil:
			return err
		case len(found) == 0 && i == 0:
			return fleet.Invalid("driver", "is not known")
		case len(found) == 0:
			return fleet.Invalid("next", "names a driver that is not known")
		}
	}
	return nil
}

// offer stores a new assignment and moves the shipment to assigned by it.
func offer(ctx context.Context, tx Tx, s *fleet.Shipment, a *fleet.Assignment, actor, source string) error {
	a.State, a.Version, a.Receipts, a.CreatedAt = fleet.AssignmentOffered, 1, nil, now()
	a.Deadline = a.Deadline.UTC().Truncate(time.Microsecond)
	_, err := tx.Exec(ctx, `INSERT INTO assignments (fleet, id, shipment, driver, state, deadline, next, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.Fleet, a.ID, a.Shipment, a.Driver, string(a.State), present(a.Deadline), encode(a.Next), a.CreatedAt)
	if err != nil {
		return err
	}
	s.Status, s.Driver, s.Assignment = fleet.StatusAssigned, a.Driver, a.ID
	if err := saveShipment(ctx, tx, s); err != nil {
		return err
	}
	return saveStep(ctx, tx, s, fleet.ShipmentEvent{At: a.CreatedAt, ReceivedAt: a.CreatedAt, Actor: actor, Source: source})
}

// Assignment returns one, or fleet.ErrNotFound.
func (r *Records) Assignment(ctx context.Context, fleetID, id string) (fleet.Assignment, error) {
	return one(ctx, r, "read assignment", scanAssignment, assignmentColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Assignments returns a page in the order of the ids.
func (r *Records) Assignments(ctx context.Context, q fleet.AssignmentQuery) ([]fleet.Assignment, error) {
	if err := bounded(q.Limit); err != nil {
		return nil, err
	}
	var c conditions
	c.add("fleet = $%d", q.Fleet)
	c.add("id > $%d", q.After)
	if q.Shipment != "" {
		c.add("shipment = $%d", q.Shipment)
	}
	if q.Driver != "" {
		c.add("driver = $%d", q.Driver)
	}
	if q.State != "" {
		c.add("state = $%d", string(q.State))
	}
	return list(ctx, r, "list assignments", scanAssignment, assignmentColumns+c.String()+limited(q.Limit), c.args...)
}

func (r *Records) lockAssignment(ctx context.Context, tx Tx, fleetID, id string) (fleet.Assignment, error) {
	return row(ctx, tx, scanAssignment, assignmentColumns+" WHERE fleet = $1 AND id = $2"+r.d.Lock, fleetID, id)
}

// lockBoth locks an assignment's shipment and then the assignment.
func (r *Records) lockBoth(ctx context.Context, tx Tx, fleetID, id string) (s fleet.Shipment, a fleet.Assignment, err error) {
	if a, err = row(ctx, tx, scanAssignment, assignmentColumns+" WHERE fleet = $1 AND id = $2", fleetID, id); err != nil {
		return s, a, err
	}
	if s, err = r.lockShipment(ctx, tx, fleetID, a.Shipment); err != nil {
		return s, a, err
	}
	a, err = r.lockAssignment(ctx, tx, fleetID, id)
	return s, a, err
}

// saveAssignment stores a as its next version.
func saveAssignment(ctx context.Context, tx Tx, a *fleet.Assignment) error {
	a.Version++
	_, err := tx.Exec(ctx, "UPDATE assignments SET state = $1, receipts = $2, version = $3 WHERE fleet = $4 AND id = $5",
		string(a.State), encode(a.Receipts), a.Version, a.Fleet, a.ID)
	return err
}

// WithdrawAssignment takes an open assignment back; see storetest.Records.
func (r *Records) WithdrawAssignment(ctx context.Context, by fleet.Actor, fleetID, id string) (a fleet.Assignment, err error) {
	err = r.write(ctx, by, "withdraw assignment", func(ctx context.Context, tx Tx) error {
		var s fleet.Shipment
		if s, a, err = r.lockBoth(ctx, tx, fleetID, id); err != nil {
			return err
		}
		switch {
		case a.State == fleet.AssignmentWithdrawn:
			return nil
		case !a.Open():
			return &fleet.MoveError{Entity: "assignment", ID: a.ID, From: string(a.State), To: string(fleet.AssignmentWithdrawn)}
		case s.Assignment == a.ID && !fleet.CanMove(s.Status, fleet.StatusCreated):
			return &fleet.MoveError{Entity: "shipment", ID: s.ID, From: string(s.Status), To: string(fleet.StatusCreated)}
		}
		a.State = fleet.AssignmentWithdrawn
		if err := saveAssignment(ctx, tx, &a); err != nil {
			return err
		}
		return takeBack(ctx, tx, &s, &a, by.Subject, "http", "")
	})
	return a, err
}

// takeBack moves a shipment back to created, if it is still assigned by a.
func takeBack(ctx context.Context, tx Tx, s *fleet.Shipment, a *fleet.Assignment, actor, source, note string) error {
	if s.Assignment != a.ID || !fleet.CanMove(s.Status, fleet.StatusCreated) {
		return nil
	}
	s.Status, s.Driver, s.Assignment = fleet.StatusCreated, "", ""
	if err := saveShipment(ctx, tx, s); err != nil {
		return err
	}
	at := now()
	return saveStep(ctx, tx, s, fleet.ShipmentEvent{At: at, ReceivedAt: at, Actor: actor, Source: source, Note: note})
}

// offerNext offers a shipment to the next driver of a, with the time that a had;
// found is false when there is none.
func offerNext(ctx context.Context, tx Tx, s *fleet.Shipment, a *fleet.Assignment, actor, source string) (found bool, err error) {
	if len(a.Next) == 0 || s.Assignment != a.ID || s.Status != fleet.StatusAssigned {
		return false, nil
	}
	next := fleet.Assignment{Fleet: a.Fleet, ID: newID(), Shipment: a.Shipment, Driver: a.Next[0], Next: a.Next[1:]}
	if !a.Deadline.IsZero() {
		next.Deadline = now().Add(a.Deadline.Sub(a.CreatedAt))
	}
	return true, offer(ctx, tx, s, &next, actor, source)
}

// SaveReceipt enters what a driver says of an assignment; see storetest.Records.
func (r *Records) SaveReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, receipt fleet.AssignmentReceipt, source string) (a fleet.Assignment, err error) {
	err = r.write(ctx, by, "save receipt", func(ctx context.Context, tx Tx) error {
		a, err = r.saveReceipt(ctx, tx, fleetID, id, by, receipt, source, now())
		return err
	})
	return a, err
}

func (r *Records) saveReceipt(ctx context.Context, tx Tx, fleetID, id string, by fleet.Actor, receipt fleet.AssignmentReceipt, source string, received time.Time) (fleet.Assignment, error) {
	if !fleet.ValidReceiptState(receipt.State) {
		return fleet.Assignment{}, fleet.Invalid("state", "must be received, seen, accepted or declined")
	}
	if !fleet.ValidText(receipt.Reason) || len(receipt.Reason) > fleet.MaxNote {
		return fleet.Assignment{}, fleet.Invalid("reason", "is too long or not plain text")
	}
	s, a, err := r.lockBoth(ctx, tx, fleetID, id)
	if err != nil {
		return a, err
	}
	if by.Driver != "" && by.Driver != a.Driver {
		return a, fleet.ErrNotAssigned
	}
	if receipt.At.IsZero() {
		receipt.At = received
	}
	receipt.At = receipt.At.UTC().Truncate(time.Millisecond)
	changed, err := a.Receive(receipt)
	if err != nil || !changed {
		return a, err
	}
	if err := saveAssignment(ctx, tx, &a); err != nil {
		return a, err
	}
	switch receipt.State {
	case fleet.ReceiptAccepted:
		if s.Assignment != a.ID || !fleet.CanMove(s.Status, fleet.StatusAccepted) {
			return a, nil
		}
		s.Status = fleet.StatusAccepted
		if err := saveShipment(ctx, tx, &s); err != nil {
			return a, err
		}
		return a, saveStep(ctx, tx, &s, fleet.ShipmentEvent{At: receipt.At, ReceivedAt: received, Actor: by.Subject, Source: source, Note: receipt.Reason})
	case fleet.ReceiptDeclined:
		if found, err := offerNext(ctx, tx, &s, &a, by.Subject, source); err != nil || found {
			return a, err
		}
		return a, takeBack(ctx, tx, &s, &a, by.Subject, source, receipt.Reason)
	}
	return a, nil
}

// PendingOffers returns what a driver still has to answer, oldest first.
func (r *Records) PendingOffers(ctx context.Context, fleetID, driver string) (offers []fleet.Offer, err error) {
	err = r.db.Read(ctx, "read pending offers", func(ctx context.Context, tx Tx) error {
		pending, err := rows(ctx, tx, scanAssignment, assignmentColumns+
			" WHERE fleet = $1 AND driver = $2 AND state IN ('offered', 'received', 'seen') ORDER BY created_at, id LIMIT 200", fleetID, driver)
		if err != nil {
			return err
		}
		for _, a := range pending {
			s, err := row(ctx, tx, scanShipment, shipmentColumns+" WHERE fleet = $1 AND id = $2", fleetID, a.Shipment)
			if err != nil {
				return err
			}
			offers = append(offers, fleet.Offer{Assignment: a, Shipment: s})
		}
		return nil
	})
	return offers, err
}
