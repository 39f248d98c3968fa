package records

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const commandColumns = "SELECT fleet, id, driver, action, text, actor, created_at, deadline, state, receipts FROM commands"

func scanCommand(scan func(...any) error) (c fleet.Command, err error) {
	err = scan(&c.Fleet, &c.ID, &c.Driver, &c.Action, &c.Text, &c.Actor, moment{&c.CreatedAt}, moment{&c.Deadline}, &c.State, document{&c.Receipts})
	if len(c.Receipts) == 0 {
		c.Receipts = nil
	}
	return c, err
}

// CreateCommand stores a command and sends it; fleet.ErrConflict when its id is taken.
func (r *Records) CreateCommand(ctx context.Context, c fleet.Command) (fleet.Command, error) {
	if c.ID == "" {
		c.ID = newID()
	}
	if err := c.Validate(); err != nil {
		return fleet.Command{}, err
	}
	c.CreatedAt, c.State, c.Receipts = now(), fleet.CommandSent, nil
	c.Deadline = c.Deadline.UTC().Truncate(time.Microsecond)
	if _, err := r.db.EnsureFleet(ctx, c.Fleet); err != nil {
		return fleet.Command{}, err
	}
	return c, r.write(ctx, fleet.Actor{Subject: c.Actor}, "create command", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO commands (fleet, id, driver, action, text, actor, created_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
			c.Fleet, c.ID, c.Driver, c.Action, c.Text, c.Actor, c.CreatedAt, present(c.Deadline))
		return err
	})
}

// Command returns one, or fleet.ErrNotFound.
func (r *Records) Command(ctx context.Context, fleetID, id string) (fleet.Command, error) {
	return one(ctx, r, "read command", scanCommand, commandColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Commands returns up to limit commands to a driver, the newest first.
func (r *Records) Commands(ctx context.Context, fleetID, driver string, limit int) ([]fleet.Command, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list commands", scanCommand, commandColumns+" WHERE fleet = $1 AND driver = $2 ORDER BY created_at DESC, id DESC LIMIT $3", fleetID, driver, limit)
}

// pending bounds the commands that a phone gets when it connects.
const pending = 100

// PendingCommands returns those that wait for a receipt, oldest first.
func (r *Records) PendingCommands(ctx context.Context, fleetID, driver string, now time.Time) ([]fleet.Command, error) {
	return list(ctx, r, "read pending commands", scanCommand, commandColumns+
		" WHERE fleet = $1 AND driver = $2 AND state = 'sent' AND deadline > $3 ORDER BY created_at, id LIMIT $4", fleetID, driver, now, pending)
}

// ExpireCommands ends those that no receipt has come of in time.
func (r *Records) ExpireCommands(ctx context.Context, now time.Time) (n int, err error) {
	due, err := list(ctx, r, "list expired commands", scanCommand, commandColumns+" WHERE deadline <= $1 AND state = 'sent' ORDER BY deadline LIMIT $2", now, expirable)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return n, r.write(ctx, fleet.System, "expire commands", func(ctx context.Context, tx Tx) error {
		for _, c := range due {
			ended, err := tx.Exec(ctx, "UPDATE commands SET state = 'expired' WHERE fleet = $1 AND id = $2 AND state = 'sent'", c.Fleet, c.ID)
			if err != nil {
				return err
			}
			n += int(ended)
		}
		return nil
	})
}

// SaveCommandReceipt enters what a phone says of a command; see storetest.Records.
func (r *Records) SaveCommandReceipt(ctx context.Context, fleetID, id string, by fleet.Actor, receipt fleet.CommandReceipt) (c fleet.Command, err error) {
	err = r.write(ctx, by, "save command receipt", func(ctx context.Context, tx Tx) error {
		c, err = r.saveCommandReceipt(ctx, tx, fleetID, id, by, receipt, now())
		return err
	})
	return c, err
}

func (r *Records) saveCommandReceipt(ctx context.Context, tx Tx, fleetID, id string, by fleet.Actor, receipt fleet.CommandReceipt, received time.Time) (fleet.Command, error) {
	switch {
	case !fleet.ValidCommandReceipt(receipt.State):
		return fleet.Command{}, fleet.Invalid("state", "must be received, seen, done or failed")
	case !fleet.ValidText(receipt.Reason) || len(receipt.Reason) > fleet.MaxNote:
		return fleet.Command{}, fleet.Invalid("reason", "is too long or not plain text")
	}
	c, err := row(ctx, tx, scanCommand, commandColumns+" WHERE fleet = $1 AND id = $2"+r.d.Lock, fleetID, id)
	if err != nil {
		return c, err
	}
	if by.Driver != "" && by.Driver != c.Driver {
		return c, fleet.ErrNotAssigned
	}
	if receipt.At.IsZero() {
		receipt.At = received
	}
	receipt.At = receipt.At.UTC().Truncate(time.Millisecond)
	if !c.Receive(receipt) {
		return c, nil
	}
	_, err = tx.Exec(ctx, "UPDATE commands SET state = $1, receipts = $2 WHERE fleet = $3 AND id = $4", string(c.State), encode(c.Receipts), fleetID, id)
	return c, err
}

// SetDriverConfig sets how often a driver's phone is to report.
func (r *Records) SetDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string, c fleet.DriverConfig) error {
	switch {
	case !fleet.ValidID(driver):
		return fleet.Invalid("driver", "is not an id")
	case c.Interval != 0 && (c.Interval < time.Second || c.Interval > time.Hour):
		return fleet.Invalid("interval_s", "must be between 1 and 3600")
	case c.Distance != 0 && !(c.Distance >= 5 && c.Distance <= 10_000):
		return fleet.Invalid("distance_m", "must be between 5 and 10000")
	}
	if _, err := r.db.EnsureFleet(ctx, fleetID); err != nil {
		return err
	}
	return r.changeOne(ctx, by, "set driver config", `INSERT INTO driver_configs (fleet, driver, interval_s, distance_m) VALUES ($1, $2, $3, $4)
		ON CONFLICT (fleet, driver) DO UPDATE SET interval_s = excluded.interval_s, distance_m = excluded.distance_m`,
		fleetID, driver, c.Interval.Seconds(), c.Distance)
}

// DeleteDriverConfig lets the phone's defaults apply; without one it is nothing.
func (r *Records) DeleteDriverConfig(ctx context.Context, by fleet.Actor, fleetID, driver string) error {
	return r.write(ctx, by, "delete driver config", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM driver_configs WHERE fleet = $1 AND driver = $2", fleetID, driver)
		return err
	})
}

// DriverConfig returns what was set, or fleet.ErrNotFound.
func (r *Records) DriverConfig(ctx context.Context, fleetID, driver string) (fleet.DriverConfig, error) {
	return one(ctx, r, "read driver config", func(scan func(...any) error) (c fleet.DriverConfig, err error) {
		var seconds float64
		err = scan(&seconds, &c.Distance)
		c.Interval = time.Duration(seconds * float64(time.Second))
		return c, err
	}, "SELECT interval_s, distance_m FROM driver_configs WHERE fleet = $1 AND driver = $2", fleetID, driver)
}
