package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

const alertColumns = "SELECT fleet, id, kind, driver, subject, severity, detail, opened_at, acked_at, acked_by, closed_at, version FROM alerts"

func scanAlert(scan func(...any) error) (a fleet.Alert, err error) {
	err = scan(&a.Fleet, &a.ID, &a.Kind, &a.Driver, &a.Subject, &a.Severity, &a.Detail, moment{&a.OpenedAt}, moment{&a.AckedAt}, &a.AckedBy,
		moment{&a.ClosedAt}, &a.Version)
	return a, err
}

// OpenAlert opens an alert unless such a one is open; see storetest.Records.
func (r *Records) OpenAlert(ctx context.Context, a fleet.Alert) (alert fleet.Alert, opened bool, err error) {
	if err := a.Validate(); err != nil {
		return fleet.Alert{}, false, err
	}
	if _, err := r.db.EnsureFleet(ctx, a.Fleet); err != nil {
		return fleet.Alert{}, false, err
	}
	err = r.write(ctx, fleet.System, "open alert", func(ctx context.Context, tx Tx) error {
		alert, opened, err = openAlert(ctx, tx, a, false)
		return err
	})
	return alert, opened, err
}

// openAlert opens a unless such a one is open. auto is for one that dray closes too.
func openAlert(ctx context.Context, tx Tx, a fleet.Alert, auto bool) (alert fleet.Alert, opened bool, err error) {
	a.ID, a.OpenedAt, a.Version = newID(), now(), 1
	n, err := tx.Exec(ctx, `INSERT INTO alerts (fleet, id, kind, driver, subject, severity, detail, opened_at, auto) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING`, a.Fleet, a.ID, a.Kind, a.Driver, a.Subject, string(a.Severity), a.Detail, a.OpenedAt, auto)
	if err != nil {
		return a, false, err
	}
	alert, err = row(ctx, tx, scanAlert, alertColumns+" WHERE fleet = $1 AND kind = $2 AND driver = $3 AND subject = $4 AND closed_at IS NULL",
		a.Fleet, a.Kind, a.Driver, a.Subject)
	return alert, n > 0, err
}

// AckAlert notes who has seen an alert; the first one stays.
func (r *Records) AckAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error) {
	return r.changeAlert(ctx, by, fleetID, id, "acknowledge alert",
		"UPDATE alerts SET acked_at = $1, acked_by = $2, version = version + 1 WHERE fleet = $3 AND id = $4 AND acked_at IS NULL", now(), by.Subject, fleetID, id)
}

// CloseAlert closes an alert; closed again is nothing.
func (r *Records) CloseAlert(ctx context.Context, by fleet.Actor, fleetID, id string) (fleet.Alert, error) {
	return r.changeAlert(ctx, by, fleetID, id, "close alert",
		"UPDATE alerts SET closed_at = $1, version = version + 1 WHERE fleet = $2 AND id = $3 AND closed_at IS NULL", now(), fleetID, id)
}

func (r *Records) changeAlert(ctx context.Context, by fleet.Actor, fleetID, id, what, query string, args ...any) (a fleet.Alert, err error) {
	err = r.write(ctx, by, what, func(ctx context.Context, tx Tx) error {
		if _, err := tx.Exec(ctx, query, args...); err != nil {
			return err
		}
		a, err = row(ctx, tx, scanAlert, alertColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
		return err
	})
	return a, err
}

// CloseAlerts closes the open ones of a kind about a driver.
func (r *Records) CloseAlerts(ctx context.Context, by fleet.Actor, fleetID, kind, driver string) (closed int, err error) {
	err = r.write(ctx, by, "close alerts", func(ctx context.Context, tx Tx) error {
		n, err := tx.Exec(ctx, "UPDATE alerts SET closed_at = $1, version = version + 1 WHERE fleet = $2 AND kind = $3 AND driver = $4 AND closed_at IS NULL",
			now(), fleetID, kind, driver)
		closed = int(n)
		return err
	})
	return closed, err
}

// Alert returns one, or fleet.ErrNotFound.
func (r *Records) Alert(ctx context.Context, fleetID, id string) (fleet.Alert, error) {
	return one(ctx, r, "read alert", scanAlert, alertColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Alerts returns a page in the order of the ids.
func (r *Records) Alerts(ctx context.Context, q fleet.AlertQuery) ([]fleet.Alert, error) {
	if err := bounded(q.Limit); err != nil {
		return nil, err
	}
	var c conditions
	c.add("fleet = $%d", q.Fleet)
	c.add("id > $%d", q.After)
	if q.Kind != "" {
		c.add("kind = $%d", q.Kind)
	}
	if q.Driver != "" {
		c.add("driver = $%d", q.Driver)
	}
	if q.Open {
		c.where = append(c.where, "closed_at IS NULL")
	}
	return list(ctx, r, "list alerts", scanAlert, alertColumns+c.String()+limited(q.Limit), c.args...)
}
