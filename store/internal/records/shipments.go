package records

import (
	"context"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const shipmentColumns = "SELECT fleet, id, reference, status, driver, assignment, pickup, dropoff, note, version, created_at, updated_at FROM shipments"

func scanShipment(scan func(...any) error) (s fleet.Shipment, err error) {
	err = scan(&s.Fleet, &s.ID, &s.Reference, &s.Status, &s.Driver, &s.Assignment, document{&s.Pickup}, document{&s.Dropoff}, &s.Note,
		&s.Version, moment{&s.CreatedAt}, moment{&s.UpdatedAt})
	return s, err
}

// CreateShipment stores a shipment; see storetest.Records.
func (r *Records) CreateShipment(ctx context.Context, by fleet.Actor, s fleet.Shipment) (fleet.Shipment, error) {
	if s.ID == "" {
		s.ID = newID()
	}
	if err := s.Validate(); err != nil {
		return fleet.Shipment{}, err
	}
	s.Status, s.Driver, s.Assignment, s.Version = fleet.StatusCreated, "", "", 1
	s.CreatedAt = now()
	s.UpdatedAt = s.CreatedAt
	if _, err := r.db.EnsureFleet(ctx, s.Fleet); err != nil {
		return fleet.Shipment{}, err
	}
	err := r.write(ctx, by, "create shipment", func(ctx context.Context, tx Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO shipments (fleet, id, reference, status, pickup, dropoff, note, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			s.Fleet, s.ID, s.Reference, string(s.Status), encode(s.Pickup), encode(s.Dropoff), s.Note, s.CreatedAt, s.UpdatedAt)
		if err != nil {
			return err
		}
		return saveStep(ctx, tx, &s, fleet.ShipmentEvent{At: s.CreatedAt, ReceivedAt: s.CreatedAt, Actor: by.Subject, Source: "http"})
	})
	return s, err
}

// Shipment returns one, or fleet.ErrNotFound.
func (r *Records) Shipment(ctx context.Context, fleetID, id string) (fleet.Shipment, error) {
	return one(ctx, r, "read shipment", scanShipment, shipmentColumns+" WHERE fleet = $1 AND id = $2", fleetID, id)
}

// Shipments returns a page in the order of the ids.
func (r *Records) Shipments(ctx context.Context, q fleet.ShipmentQuery) ([]fleet.Shipment, error) {
	if err := bounded(q.Limit); err != nil {
		return nil, err
	}
	var c conditions
	c.add("fleet = $%d", q.Fleet)
	c.add("id > $%d", q.After)
	if q.Status != "" {
		c.add("status = $%d", string(q.Status))
	}
	if q.Driver != "" {
		c.add("driver = $%d", q.Driver)
	}
	if q.Text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(q.Text) + "%"
		c.add(`lower(id || ' ' || reference || ' ' || note || ' ' || coalesce(pickup->>'name', '') || ' ' || coalesce(pickup->>'address', '')
			|| ' ' || coalesce(dropoff->>'name', '') || ' ' || coalesce(dropoff->>'address', '')) LIKE lower($%d) ESCAPE '\'`, pattern)
	}
	return list(ctx, r, "list shipments", scanShipment, shipmentColumns+c.String()+limited(q.Limit), c.args...)
}

// lockShipment reads a shipment and keeps others off it until the commit. Where
// an assignment is locked too, its shipment is locked first.
func (r *Records) lockShipment(ctx context.Context, tx Tx, fleetID, id string) (fleet.Shipment, error) {
	return row(ctx, tx, scanShipment, shipmentColumns+" WHERE fleet = $1 AND id = $2"+r.d.Lock, fleetID, id)
}

// saveShipment stores s as its next version.
func saveShipment(ctx context.Context, tx Tx, s *fleet.Shipment) error {
	s.Version++
	s.UpdatedAt = now()
	_, err := tx.Exec(ctx, `UPDATE shipments SET reference = $1, status = $2, driver = $3, assignment = $4, pickup = $5, dropoff = $6, note = $7,
		version = $8, updated_at = $9 WHERE fleet = $10 AND id = $11`,
		s.Reference, string(s.Status), s.Driver, s.Assignment, encode(s.Pickup), encode(s.Dropoff), s.Note, s.Version, s.UpdatedAt, s.Fleet, s.ID)
	return err
}

// PatchShipment changes a shipment that is at version; 0 is any.
func (r *Records) PatchShipment(ctx context.Context, by fleet.Actor, fleetID, id string, version int64, p fleet.ShipmentPatch) (s fleet.Shipment, err error) {
	err = r.write(ctx, by, "patch shipment", func(ctx context.Context, tx Tx) error {
		if s, err = r.lockShipment(ctx, tx, fleetID, id); err != nil {
			return err
		}
		if version != 0 && version != s.Version {
			return fleet.ErrConflict
		}
		s = p.Apply(s)
		if err := s.Validate(); err != nil {
			return err
		}
		return saveShipment(ctx, tx, &s)
	})
	return s, err
}

// CancelShipment is the report cancelled.
func (r *Records) CancelShipment(ctx context.Context, by fleet.Actor, fleetID, id, note string) (fleet.Shipment, error) {
	return r.ReportStatus(ctx, fleetID, id, by, fleet.StatusReport{Status: fleet.StatusCancelled, Note: note}, "http")
}

// saveStep appends to a shipment's history; the status is what the shipment has.
func saveStep(ctx context.Context, tx Tx, s *fleet.Shipment, e fleet.ShipmentEvent) error {
	var proof any
	if e.Proof != nil {
		proof = encode(e.Proof)
	}
	_, err := tx.Exec(ctx, `INSERT INTO shipment_events (fleet, shipment, status, at, received_at, actor, source, note, lat, lon, proof)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		s.Fleet, s.ID, string(s.Status), e.At, e.ReceivedAt, e.Actor, e.Source, e.Note, e.Lat.Ptr(), e.Lon.Ptr(), proof)
	return err
}

// ShipmentEvents returns a page of a shipment's history, oldest first.
func (r *Records) ShipmentEvents(ctx context.Context, fleetID, id string, after int64, limit int) ([]fleet.ShipmentEvent, error) {
	if err := bounded(limit); err != nil {
		return nil, err
	}
	return list(ctx, r, "read shipment events", scanStep, `SELECT id, status, at, received_at, actor, source, note, lat, lon, proof
		FROM shipment_events WHERE fleet = $1 AND shipment = $2 AND id > $3 ORDER BY id LIMIT $4`, fleetID, id, after, limit)
}

func scanStep(scan func(...any) error) (e fleet.ShipmentEvent, err error) {
	var lat, lon *float64
	err = scan(&e.ID, &e.Status, moment{&e.At}, moment{&e.ReceivedAt}, &e.Actor, &e.Source, &e.Note, &lat, &lon, document{&e.Proof})
	e.Lat, e.Lon = fleet.OptOf(lat), fleet.OptOf(lon)
	return e, err
}

// saidBefore reports whether an actor has told this very step already.
func saidBefore(ctx context.Context, tx Tx, s *fleet.Shipment, actor string, status fleet.Status, at time.Time) (bool, error) {
	found, err := rows(ctx, tx, number, `SELECT id FROM shipment_events WHERE fleet = $1 AND shipment = $2 AND actor = $3 AND status = $4 AND at = $5 LIMIT 1`,
		s.Fleet, s.ID, actor, string(status), at)
	return len(found) > 0, err
}
