package records

import (
	"context"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const (
	// sweepable bounds the alerts of one kind that one call opens, and closes.
	sweepable = 500
	// recovery is how many percent over the limit a battery is well again.
	recovery = 5
	// recent is how old what a phone has said of its battery may be to open an alert.
	recent = 15 * time.Minute
)

// A cause opens alerts of a kind and closes them again. Its SQL is over what it
// selects from, by fleet, driver and subject; $1 and $2 are from and its second
// argument.
type cause struct {
	kind     string
	severity fleet.Severity
	detail   string
	from     string
	begins   string // opens the alert; empty: something else does
	args     []any  // of begins
	lasts    string // keeps it open
	lastArgs []any
	shared   bool // it stays the same alert when the driver is another
}

// same is the condition that alert a is about x.
func (c *cause) same() string {
	if c.shared {
		return "a.fleet = x.fleet AND a.subject = x.subject"
	}
	return "a.fleet = x.fleet AND a.driver = x.driver AND a.subject = x.subject"
}

func causes(now time.Time, l fleet.AlertLimits) []cause {
	percent := strconv.FormatFloat(l.Battery, 'f', -1, 64) + " %"
	drivers := func(columns string) string {
		return "SELECT fleet, driver, '' AS subject, " + columns + " FROM drivers_on_duty"
	}
	const silent, waiting = "duty_at < $1 AND (seen_at IS NULL OR seen_at < $1)", "created_at < $1"
	quiet, asked, due := []any{now.Add(-l.Silent)}, []any{now.Add(-l.Unacknowledged)}, []any{now}
	return []cause{
		{fleet.AlertSilent, fleet.SeverityWarning, "on duty, but no position for " + l.Silent.String(),
			drivers("duty_at, seen_at"), silent, quiet, silent, quiet, false},
		{fleet.AlertLate, fleet.SeverityWarning, "its time window is over",
			"SELECT fleet, driver, subject, due_at FROM shipments_due", "due_at < $1", due, "due_at < $1", due, true},
		{fleet.AlertUnacknowledged, fleet.SeverityWarning, "offered, but no answer for " + l.Unacknowledged.String(),
			"SELECT fleet, driver, shipment AS subject, created_at FROM assignments WHERE state IN ('offered', 'received', 'seen')", waiting, asked, waiting, asked, false},
		{fleet.AlertBattery, fleet.SeverityWarning, "the battery is below " + percent,
			drivers("battery, battery_at"), "battery < $1 AND battery_at > $2", []any{l.Battery, now.Add(-recent)}, "battery < $1", []any{l.Battery + recovery}, false},
		{fleet.AlertGPS, fleet.SeverityWarning, "the phone does not let the app read its position",
			drivers("permission"), "permission = 'denied'", nil, "permission = 'denied'", nil, false},
		{kind: fleet.AlertExpired, // of a shipment that has gone back to created
			from: "SELECT fleet, id AS subject FROM shipments WHERE status = 'created'", lasts: "true", shared: true},
	}
}

// SweepAlerts opens and closes alerts by what is stored; see storetest.Records.
func (r *Records) SweepAlerts(ctx context.Context, now time.Time, l fleet.AlertLimits) (opened, closed int, err error) {
	for _, c := range causes(now, l) {
		n, err := r.closeOver(ctx, c)
		closed += n
		if err == nil && c.begins != "" {
			n, err = r.openNew(ctx, c)
			opened += n
		}
		if err != nil {
			return opened, closed, err
		}
	}
	return opened, closed, nil
}

// openNew opens an alert of whatever c begins with and has none open.
func (r *Records) openNew(ctx context.Context, c cause) (opened int, err error) {
	begun, err := list(ctx, r, "look for alerts to open", func(scan func(...any) error) (fleet.Alert, error) {
		a := fleet.Alert{Kind: c.kind, Severity: c.severity, Detail: c.detail}
		return a, scan(&a.Fleet, &a.Driver, &a.Subject)
	}, "SELECT x.fleet, x.driver, x.subject FROM ("+c.from+") x WHERE "+c.begins+` AND NOT EXISTS (SELECT 1 FROM alerts a
		WHERE `+c.same()+" AND a.kind = '"+c.kind+"' AND a.closed_at IS NULL) LIMIT "+strconv.Itoa(sweepable), c.args...)
	if err != nil || len(begun) == 0 {
		return 0, err
	}
	return opened, r.write(ctx, fleet.System, "open alerts", func(ctx context.Context, tx Tx) error {
		for _, a := range begun {
			_, fresh, err := openAlert(ctx, tx, a, true)
			if err != nil {
				return err
			}
			if fresh {
				opened++
			}
		}
		return nil
	})
}

// closeOver closes what was opened by c, or like it, and no longer lasts.
func (r *Records) closeOver(ctx context.Context, c cause) (closed int, err error) {
	over, err := list(ctx, r, "look for alerts to close", func(scan func(...any) error) (a fleet.Alert, err error) {
		return a, scan(&a.Fleet, &a.ID)
	}, "SELECT a.fleet, a.id FROM alerts a WHERE a.auto AND a.closed_at IS NULL AND a.kind = '"+c.kind+"' AND NOT EXISTS (SELECT 1 FROM ("+c.from+") x WHERE "+
		c.same()+" AND "+c.lasts+") LIMIT "+strconv.Itoa(sweepable), c.lastArgs...)
	if err != nil || len(over) == 0 {
		return 0, err
	}
	return closed, r.write(ctx, fleet.System, "close alerts", func(ctx context.Context, tx Tx) error {
		for _, a := range over {
			n, err := tx.Exec(ctx, "UPDATE alerts SET closed_at = $1, version = version + 1 WHERE fleet = $2 AND id = $3 AND closed_at IS NULL", now(), a.Fleet, a.ID)
			if err != nil {
				return err
			}
			closed += int(n)
		}
		return nil
	})
}
