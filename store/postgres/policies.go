package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
)

// SavePolicy sets the policy of a fleet or driver, in place of the one before.
func (s *Store) SavePolicy(ctx context.Context, p fleet.Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return s.write(ctx, "save policy", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := ensureFleet(ctx, tx, p.Fleet); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO policies (fleet, driver, min_interval_us) VALUES ($1, $2, $3)
			ON CONFLICT (fleet, driver) DO UPDATE SET min_interval_us = excluded.min_interval_us`, p.Fleet, p.Driver, p.MinInterval.Microseconds())
		return err
	})
}

// DeletePolicy removes a policy, or returns fleet.ErrNotFound.
func (s *Store) DeletePolicy(ctx context.Context, fleetID, driver string) error {
	return s.changeOne(ctx, "delete policy", "DELETE FROM policies WHERE fleet = $1 AND driver = $2", fleetID, driver)
}

// Policy returns that of a fleet or driver, or fleet.ErrNotFound.
func (s *Store) Policy(ctx context.Context, fleetID, driver string) (fleet.Policy, error) {
	return one(ctx, s, "read policy", scanPolicy, "SELECT fleet, driver, min_interval_us FROM policies WHERE fleet = $1 AND driver = $2", fleetID, driver)
}

// DriverPolicies returns those of a fleet's drivers after one, by driver.
func (s *Store) DriverPolicies(ctx context.Context, fleetID, after string, limit int) ([]fleet.Policy, error) {
	return collect(ctx, s, "list policies", scanPolicy, `SELECT fleet, driver, min_interval_us FROM policies
		WHERE fleet = $1 AND driver > $2 ORDER BY driver LIMIT $3`, fleetID, after, limit)
}

// Policies returns every policy of the installation, fleets before their drivers.
func (s *Store) Policies(ctx context.Context) ([]fleet.Policy, error) {
	return collect(ctx, s, "list policies", scanPolicy, "SELECT fleet, driver, min_interval_us FROM policies ORDER BY fleet, driver")
}

func scanPolicy(row pgx.CollectableRow) (p fleet.Policy, err error) {
	var us int64
	err = row.Scan(&p.Fleet, &p.Driver, &us)
	p.MinInterval = time.Duration(us) * time.Microsecond
	return p, err
}
