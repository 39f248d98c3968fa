package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// SavePolicy sets the policy of a fleet or driver, in place of the one before.
func (s *Store) SavePolicy(ctx context.Context, p fleet.Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return s.write(ctx, "save policy", func(tx *sql.Tx) error {
		if _, err := ensureFleet(ctx, tx, p.Fleet); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO policies (fleet, driver, min_interval_us) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET min_interval_us = excluded.min_interval_us`, p.Fleet, p.Driver, p.MinInterval.Microseconds())
		return err
	})
}

// DeletePolicy removes a policy, or returns fleet.ErrNotFound.
func (s *Store) DeletePolicy(ctx context.Context, fleetID, driver string) error {
	return s.changeOne(ctx, "delete policy", "DELETE FROM policies WHERE fleet = ? AND driver = ?", fleetID, driver)
}

// Policy returns that of a fleet or driver, or fleet.ErrNotFound.
func (s *Store) Policy(ctx context.Context, fleetID, driver string) (fleet.Policy, error) {
	p, err := scanPolicy(s.reader.QueryRowContext(ctx, "SELECT fleet, driver, min_interval_us FROM policies WHERE fleet = ? AND driver = ?", fleetID, driver).Scan)
	return p, readError("read policy", err)
}

// DriverPolicies returns those of a fleet's drivers after one, by driver.
func (s *Store) DriverPolicies(ctx context.Context, fleetID, after string, limit int) ([]fleet.Policy, error) {
	return collect(ctx, s.reader, "list policies", scanPolicy, `SELECT fleet, driver, min_interval_us FROM policies
		WHERE fleet = ? AND driver > ? ORDER BY driver LIMIT ?`, fleetID, after, limit)
}

// Policies returns every policy of the installation, fleets before their drivers.
func (s *Store) Policies(ctx context.Context) ([]fleet.Policy, error) {
	return collect(ctx, s.reader, "list policies", scanPolicy, "SELECT fleet, driver, min_interval_us FROM policies ORDER BY fleet, driver")
}

func scanPolicy(scan func(...any) error) (p fleet.Policy, err error) {
	var us int64
	err = scan(&p.Fleet, &p.Driver, &us)
	p.MinInterval = time.Duration(us) * time.Microsecond
	return p, err
}
