package records

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// CreateCommand stores a command and sends it; fleet.ErrConflict when its id is taken.
func (r *Records) CreateCommand(ctx context.Context, c fleet.Command) (fleet.Command, error) {
	if c.ID == "" {
		c.ID = newID()
	}
	if err := c.Validate(); err != nil {
		return fleet.Command{}, err
	}
	c.CreatedAt = now()
	if _, err := r.db.EnsureFleet(ctx, c.Fleet); err != nil {
		return fleet.Command{}, err
	}
	return c, r.write(ctx, fleet.Actor{Subject: c.Actor}, "create command", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO commands (fleet, id, driver, action, text, actor, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			c.Fleet, c.ID, c.Driver, c.Action, c.Text, c.Actor, c.CreatedAt)
		return err
	})
}

// Commands returns up to limit commands to a driver, the newest first.
func (r *Records) Commands(ctx context.Context, fleetID, driver string, limit int) ([]fleet.Command, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list commands", func(scan func(...any) error) (c fleet.Command, err error) {
		return c, scan(&c.Fleet, &c.ID, &c.Driver, &c.Action, &c.Text, &c.Actor, moment{&c.CreatedAt})
	}, "SELECT fleet, id, driver, action, text, actor, created_at FROM commands WHERE fleet = $1 AND driver = $2 ORDER BY created_at DESC, id DESC LIMIT $3",
		fleetID, driver, limit)
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

// DriverConfig returns what was set, or fleet.ErrNotFound.
func (r *Records) DriverConfig(ctx context.Context, fleetID, driver string) (fleet.DriverConfig, error) {
	return one(ctx, r, "read driver config", func(scan func(...any) error) (c fleet.DriverConfig, err error) {
		var seconds float64
		err = scan(&seconds, &c.Distance)
		c.Interval = time.Duration(seconds * float64(time.Second))
		return c, err
	}, "SELECT interval_s, distance_m FROM driver_configs WHERE fleet = $1 AND driver = $2", fleetID, driver)
}
