package records

import (
	"context"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const deviceColumns = "SELECT fleet, id, kind, driver, name, secret_hash, secret_at, disabled, created_at FROM devices"

func scanDevice(scan func(...any) error) (d fleet.Device, err error) {
	err = scan(&d.Fleet, &d.ID, &d.Kind, &d.Driver, &d.Name, &d.SecretHash, moment{&d.SecretAt}, &d.Disabled, moment{&d.CreatedAt})
	return d, err
}

// CreateDevice stores a device without a secret; fleet.ErrConflict when its id is taken.
func (r *Records) CreateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) (fleet.Device, error) {
	if err := d.Validate(); err != nil {
		return fleet.Device{}, err
	}
	d.SecretHash, d.SecretAt, d.CreatedAt = nil, time.Time{}, now()
	if _, err := r.db.EnsureFleet(ctx, d.Fleet); err != nil {
		return fleet.Device{}, err
	}
	return d, r.write(ctx, by, "create device", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO devices (fleet, id, kind, driver, name, disabled, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			d.Fleet, d.ID, string(d.Kind), d.Driver, d.Name, d.Disabled, d.CreatedAt)
		return err
	})
}

// Device returns one, or fleet.ErrNotFound.
func (r *Records) Device(ctx context.Context, fleetID, id string) (fleet.Device, error) {
	return one(ctx, r, "read device", scanDevice, deviceColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Devices returns up to limit devices with ids after the given one.
func (r *Records) Devices(ctx context.Context, fleetID, after string, limit int) ([]fleet.Device, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list devices", scanDevice, deviceColumns+" WHERE fleet = $1 AND id > $2"+limited(limit), fleetID, after)
}

// UpdateDevice sets kind, driver, name and whether it is disabled.
func (r *Records) UpdateDevice(ctx context.Context, by fleet.Actor, d fleet.Device) error {
	if err := d.Validate(); err != nil {
		return err
	}
	return r.changeOne(ctx, by, "update device", "UPDATE devices SET kind = $1, driver = $2, name = $3, disabled = $4 WHERE fleet = $5 AND id = $6",
		string(d.Kind), d.Driver, d.Name, d.Disabled, d.Fleet, d.ID)
}

// SetDeviceSecret keeps the hash of a new secret; the one before is no longer good.
func (r *Records) SetDeviceSecret(ctx context.Context, by fleet.Actor, fleetID, id string, hash []byte, at time.Time) error {
	return r.changeOne(ctx, by, "set device secret", "UPDATE devices SET secret_hash = $1, secret_at = $2 WHERE fleet = $3 AND id = $4", hash, at, fleetID, id)
}

// DeleteDevice removes one, or returns fleet.ErrNotFound.
func (r *Records) DeleteDevice(ctx context.Context, by fleet.Actor, fleetID, id string) error {
	return r.changeOne(ctx, by, "delete device", "DELETE FROM devices WHERE fleet = $1 AND id = $2", fleetID, id)
}
