package fleet

import (
	"encoding/json"
	"time"
)

// An Actor is who changes something. Driver is for whom it speaks when it is a
// driver or a device, and empty for everyone who may act on the whole fleet.
type Actor struct {
	Subject string // the token's subject; "system" for the program itself
	Driver  string
}

// System is the program itself as an actor.
var System = Actor{Subject: "system"}

// A Place is where a shipment is fetched or brought, and when it may be.
type Place struct {
	Name    string    `json:"name,omitempty"`
	Address string    `json:"address,omitempty"`
	Lat     Opt       `json:"lat,omitzero"` // with Lon or not at all
	Lon     Opt       `json:"lon,omitzero"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
}

// A Shipment is a thing to be moved.
type Shipment struct {
	Fleet, ID  string
	Reference  string // what people call it
	Status     Status
	Driver     string // who has it, or to whom it is offered; empty when nobody
	Assignment string // that by which Driver has it
	Pickup     Place
	Dropoff    Place
	Note       string
	Version    int64 // counts every change, from 1
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// A ShipmentPatch changes what is not nil.
type ShipmentPatch struct {
	Reference *string
	Pickup    *Place
	Dropoff   *Place
	Note      *string
}

// ShipmentQuery selects shipments of one fleet, in the order of their ids.
type ShipmentQuery struct {
	Fleet  string
	Status Status // empty is all
	Driver string // empty is all
	Text   string // in the reference, note, names or addresses; without regard to case
	After  string // the id after which the page begins; empty is the first page
	Limit  int    // 1 to 1000
}

// A ShipmentEvent is one step in a shipment's history.
type ShipmentEvent struct {
	ID         int64
	Status     Status // after the step
	At         time.Time
	ReceivedAt time.Time
	Actor      string
	Source     string // "mqtt", "http" or "system"
	Note       string
	Lat, Lon   Opt
	Proof      *Proof
}

// Limits of what is written on a shipment, in bytes.
const (
	MaxReference = 200
	MaxPlaceText = 500
)

// Validate returns an *InvalidError for what can never be stored.
func (s *Shipment) Validate() error {
	switch {
	case !ValidID(s.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(s.ID):
		return Invalid("id", "is not an id")
	case len(s.Reference) > MaxReference || !ValidText(s.Reference):
		return Invalid("reference", "is too long or not plain text")
	case len(s.Note) > MaxNote || !ValidText(s.Note):
		return Invalid("note", "is too long or not plain text")
	}
	if err := s.Pickup.validate("pickup"); err != nil {
		return err
	}
	return s.Dropoff.validate("dropoff")
}

func (p *Place) validate(field string) error {
	switch {
	case len(p.Name) > MaxPlaceText || !ValidText(p.Name):
		return Invalid(field+".name", "is too long or not plain text")
	case len(p.Address) > MaxPlaceText || !ValidText(p.Address):
		return Invalid(field+".address", "is too long or not plain text")
	case p.Lat.OK != p.Lon.OK:
		return Invalid(field+".lat", "and lon go together")
	case !(p.Lat.V >= -90 && p.Lat.V <= 90):
		return Invalid(field+".lat", "must be between -90 and 90")
	case !(p.Lon.V >= -180 && p.Lon.V <= 180):
		return Invalid(field+".lon", "must be between -180 and 180")
	case !p.From.IsZero() && !p.To.IsZero() && p.To.Before(p.From):
		return Invalid(field+".to", "is before from")
	}
	for _, t := range []time.Time{p.From, p.To} {
		if !t.IsZero() && (t.Year() < 2000 || t.Year() >= 2200) {
			return Invalid(field+".from", "and to must be plausible times")
		}
	}
	return nil
}

// Apply returns s with the patch's changes.
func (p ShipmentPatch) Apply(s Shipment) Shipment {
	if p.Reference != nil {
		s.Reference = *p.Reference
	}
	if p.Pickup != nil {
		s.Pickup = *p.Pickup
	}
	if p.Dropoff != nil {
		s.Dropoff = *p.Dropoff
	}
	if p.Note != nil {
		s.Note = *p.Note
	}
	return s
}

// MarshalJSON writes the shape that the API and events have.
func (s Shipment) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID        string  `json:"id"`
		Reference string  `json:"reference"`
		Status    Status  `json:"status"`
		Driver    *string `json:"driver"`
		Pickup    Place   `json:"pickup"`
		Dropoff   Place   `json:"dropoff"`
		Note      string  `json:"note"`
		Version   int64   `json:"version"`
		CreatedAt string  `json:"created_at"`
		UpdatedAt string  `json:"updated_at"`
	}{s.ID, s.Reference, s.Status, orNull(s.Driver), s.Pickup, s.Dropoff, s.Note, s.Version, Timestamp(s.CreatedAt), Timestamp(s.UpdatedAt)})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Timestamp returns t as the API writes times: RFC 3339 in UTC with
// milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
