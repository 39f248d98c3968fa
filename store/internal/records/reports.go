package records

import (
	"context"
	"errors"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/batch"
)

// ReportStatus moves a shipment; see storetest.Records.
func (r *Records) ReportStatus(ctx context.Context, fleetID, id string, by fleet.Actor, report fleet.StatusReport, source string) (s fleet.Shipment, err error) {
	err = r.write(ctx, by, "report status", func(ctx context.Context, tx Tx) error {
		s, err = r.reportStatus(ctx, tx, fleetID, id, by, report, source, now())
		return err
	})
	return s, err
}

func (r *Records) reportStatus(ctx context.Context, tx Tx, fleetID, id string, by fleet.Actor, report fleet.StatusReport, source string, received time.Time) (fleet.Shipment, error) {
	if !fleet.ValidText(report.Note) || len(report.Note) > fleet.MaxNote {
		return fleet.Shipment{}, fleet.Invalid("note", "is too long or not plain text")
	}
	s, err := r.lockShipment(ctx, tx, fleetID, id)
	if err != nil {
		return s, err
	}
	if by.Driver != "" && by.Driver != s.Driver {
		return s, fleet.ErrNotAssigned
	}
	if s.Status == report.Status {
		return s, nil
	}
	if report.At.IsZero() {
		report.At = received
	} else {
		report.At = report.At.Truncate(time.Microsecond)
		if again, err := saidBefore(ctx, tx, &s, by.Subject, report.Status, report.At); err != nil || again {
			return s, err
		}
	}
	if by.Driver == "" && report.Version != 0 && report.Version != s.Version {
		return s, fleet.ErrConflict // a driver may have been away while others wrote notes
	}
	if !fleet.CanMove(s.Status, report.Status) || by.Driver != "" && !driverMay(report.Status) {
		return s, &fleet.MoveError{Entity: "shipment", ID: s.ID, From: string(s.Status), To: string(report.Status)}
	}
	if report.Status == fleet.StatusAssigned {
		return s, fleet.Invalid("status", "is reached by assigning the shipment to a driver")
	}
	if err := r.moveAssignment(ctx, tx, &s, report, received); err != nil {
		return s, err
	}
	s.Status = report.Status
	if s.Status == fleet.StatusCreated {
		s.Driver, s.Assignment = "", ""
	}
	if err := saveShipment(ctx, tx, &s); err != nil {
		return s, err
	}
	return s, saveStep(ctx, tx, &s, fleet.ShipmentEvent{At: report.At, ReceivedAt: received, Actor: by.Subject, Source: source,
		Note: report.Note, Lat: report.Lat, Lon: report.Lon, Proof: report.Proof})
}

// driverMay reports whether a driver may report s; declining is a receipt, and
// cancelling is for the office.
func driverMay(s fleet.Status) bool {
	return s != fleet.StatusCreated && s != fleet.StatusAssigned && s != fleet.StatusCancelled
}

// moveAssignment does to a shipment's open assignment what a report of the
// shipment means for it.
func (r *Records) moveAssignment(ctx context.Context, tx Tx, s *fleet.Shipment, report fleet.StatusReport, received time.Time) error {
	if s.Assignment == "" {
		return nil
	}
	a, err := r.lockAssignment(ctx, tx, s.Fleet, s.Assignment)
	if err != nil {
		return err
	}
	switch report.Status {
	case fleet.StatusCreated, fleet.StatusCancelled:
		if !a.Open() {
			return nil
		}
		a.State = fleet.AssignmentWithdrawn
	case fleet.StatusAccepted:
		changed, err := a.Receive(fleet.AssignmentReceipt{State: fleet.ReceiptAccepted, At: report.At.Truncate(time.Millisecond)})
		if err != nil || !changed {
			return err
		}
	default:
		return nil
	}
	return saveAssignment(ctx, tx, &a)
}

// SaveDispatch enters what drivers said, in a batch's transaction. What is
// refused is told to the driver and kept as a dead letter.
func (r *Records) SaveDispatch(ctx context.Context, tx Tx, reports []fleet.DispatchReport) (refused int, err error) {
	if len(reports) == 0 {
		return 0, nil
	}
	for _, d := range reports {
		if _, err := tx.Exec(ctx, r.d.Act, d.Actor); err != nil {
			return 0, err
		}
		by := fleet.Actor{Subject: d.Actor, Driver: d.Letter.Driver}
		received := d.Letter.ReceivedAt.UTC().Truncate(time.Microsecond)
		var err error
		switch {
		case d.Status != nil:
			_, err = r.reportStatus(ctx, tx, d.Letter.Fleet, d.ID, by, *d.Status, "mqtt", received)
		case d.Receipt != nil:
			_, err = r.saveReceipt(ctx, tx, d.Letter.Fleet, d.ID, by, *d.Receipt, "mqtt", received)
		default:
			_, err = r.saveCommandReceipt(ctx, tx, d.Letter.Fleet, d.ID, by, *d.Command, received)
		}
		if err == nil {
			continue
		}
		if err := r.refuse(ctx, tx, d.Letter, err); err != nil {
			return 0, err
		}
		refused++
	}
	return refused, r.rest(ctx, tx)
}

// refuse tells a driver that a report was refused, and keeps it. It returns an
// err that is no refusal.
func (r *Records) refuse(ctx context.Context, tx Tx, letter fleet.DeadLetter, err error) error {
	var invalid *fleet.InvalidError
	var move *fleet.MoveError
	told := fleet.DriverError{Topic: letter.Topic, At: letter.ReceivedAt.UTC().Truncate(time.Millisecond)}
	switch {
	case errors.As(err, &invalid):
		told.Field, told.Reason = invalid.Field, invalid.Reason
	case errors.As(err, &move):
		told.Field, told.Reason, told.Status = "status", "is "+move.From+" and cannot become "+move.To, move.From
		if move.Entity == "assignment" {
			told.Field = "state"
		}
	case errors.Is(err, fleet.ErrNotAssigned), errors.Is(err, fleet.ErrNotFound):
		told.Field, told.Reason = "topic", err.Error()
	default:
		return err
	}
	letter.Field, letter.Reason = told.Field, told.Reason
	if err := saveLetter(ctx, tx, letter); err != nil {
		return err
	}
	return r.tell(ctx, tx, fleet.Event{Kind: "driver.error", Actor: fleet.System.Subject, Fleet: letter.Fleet, Entity: "driver", ID: letter.Driver, Data: []byte(encode(told))})
}

func saveLetter(ctx context.Context, tx Tx, d fleet.DeadLetter) error {
	d = batch.Letter(d)
	_, err := tx.Exec(ctx, `INSERT INTO dead_letters (fleet, id, driver, topic, field, reason, received_at, payload)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`, d.Fleet, d.ID, d.Driver, d.Topic, d.Field, d.Reason, d.ReceivedAt, d.Payload)
	return err
}
