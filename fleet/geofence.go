package fleet

import (
	"encoding/json"
	"time"
)

// A Point is a place on the earth in degrees.
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// A Circle is what lies within Radius metres of Center.
type Circle struct {
	Center Point   `json:"center"`
	Radius float64 `json:"radius_m"`
}

const (
	MaxVertices  = 1000 // of a geofence's polygon
	MaxGeofences = 5000 // of a fleet
)

// A Geofence is an area with entered and left events: a polygon or a circle.
type Geofence struct {
	Fleet, ID string
	Name      string
	Polygon   []Point // at least 3, closed by itself
	Circle    *Circle
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Validate returns an *InvalidError for what can never be stored.
func (g *Geofence) Validate() error {
	switch {
	case !ValidID(g.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(g.ID):
		return Invalid("id", "is not an id")
	case len(g.Name) > MaxReference || !ValidText(g.Name):
		return Invalid("name", "is too long or not plain text")
	case (g.Circle == nil) == (g.Polygon == nil):
		return Invalid("polygon", "or circle: one of them is needed")
	case g.Circle != nil && !(g.Circle.Radius > 0 && g.Circle.Radius <= 1e6):
		return Invalid("circle.radius_m", "must be between 0 and 1000000")
	case g.Circle != nil && !g.Circle.Center.valid():
		return Invalid("circle.center", "is not on the earth")
	case g.Circle != nil:
		return nil
	case len(g.Polygon) < 3 || len(g.Polygon) > MaxVertices:
		return Invalid("polygon", "must have 3 to 1000 points")
	}
	for _, p := range g.Polygon {
		if !p.valid() {
			return Invalid("polygon", "has a point that is not on the earth")
		}
	}
	return nil
}

func (p Point) valid() bool {
	return p.Lat >= -90 && p.Lat <= 90 && p.Lon >= -180 && p.Lon <= 180
}

// GeofenceEvent is what a driver did at a geofence: "entered", "left" or
// "dwelled".
type GeofenceEvent struct {
	Fleet, Geofence string
	Event           string
	Driver          string
	At              time.Time
}

// MarshalJSON writes the shape that the API and events have.
func (e GeofenceEvent) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Event  string `json:"event"`
		Driver string `json:"driver"`
		At     string `json:"at"`
	}{e.Event, e.Driver, Timestamp(e.At)})
}
