package records

import (
	"context"

	"github.com/dray-fleet/dray/fleet"
)

const geofenceColumns = "SELECT fleet, id, name, area, created_at, updated_at FROM geofences"

// An area is the shape of a geofence, as it is stored and told.
type area struct {
	Polygon []fleet.Point `json:"polygon,omitempty"`
	Circle  *fleet.Circle `json:"circle,omitempty"`
}

func scanGeofence(scan func(...any) error) (g fleet.Geofence, err error) {
	var a area
	err = scan(&g.Fleet, &g.ID, &g.Name, document{&a}, moment{&g.CreatedAt}, moment{&g.UpdatedAt})
	g.Polygon, g.Circle = a.Polygon, a.Circle
	return g, err
}

// CreateGeofence stores a geofence; fleet.ErrConflict when its id is taken.
func (r *Records) CreateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) (fleet.Geofence, error) {
	if g.ID == "" {
		g.ID = newID()
	}
	if err := g.Validate(); err != nil {
		return fleet.Geofence{}, err
	}
	g.CreatedAt = now()
	g.UpdatedAt = g.CreatedAt
	if _, err := r.db.EnsureFleet(ctx, g.Fleet); err != nil {
		return fleet.Geofence{}, err
	}
	return g, r.write(ctx, by, "create geofence", func(ctx context.Context, tx Tx) error {
		n, err := row(ctx, tx, number, "SELECT count(*) FROM geofences WHERE fleet = $1", g.Fleet)
		switch {
		case err != nil:
			return err
		case n >= fleet.MaxGeofences:
			return fleet.Invalid("id", "is one too many: a fleet has at most 5000 geofences")
		}
		_, err = tx.Exec(ctx, "INSERT INTO geofences (fleet, id, name, area, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)",
			g.Fleet, g.ID, g.Name, encode(area{g.Polygon, g.Circle}), g.CreatedAt, g.UpdatedAt)
		return err
	})
}

// Geofence returns one, or fleet.ErrNotFound.
func (r *Records) Geofence(ctx context.Context, fleetID, id string) (fleet.Geofence, error) {
	return one(ctx, r, "read geofence", scanGeofence, geofenceColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Geofences returns up to limit geofences with ids after the given one.
func (r *Records) Geofences(ctx context.Context, fleetID, after string, limit int) ([]fleet.Geofence, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "list geofences", scanGeofence, geofenceColumns+" WHERE fleet = $1 AND id > $2"+limited(limit), fleetID, after)
}

// UpdateGeofence sets name and area.
func (r *Records) UpdateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) error {
	if err := g.Validate(); err != nil {
		return err
	}
	return r.changeOne(ctx, by, "update geofence", "UPDATE geofences SET name = $1, area = $2, updated_at = $3 WHERE fleet = $4 AND id = $5",
		g.Name, encode(area{g.Polygon, g.Circle}), now(), g.Fleet, g.ID)
}

// DeleteGeofence removes one, or returns fleet.ErrNotFound.
func (r *Records) DeleteGeofence(ctx context.Context, by fleet.Actor, fleetID, id string) error {
	return r.changeOne(ctx, by, "delete geofence", "DELETE FROM geofences WHERE fleet = $1 AND id = $2", fleetID, id)
}
