package fleet

import (
	"maps"
	"slices"
	"time"
)

// Dwell is how long a driver stays in a geofence until it has dwelled there.
const Dwell = 5 * time.Minute

// A Sighting is where a driver was by one plausible fix: in which geofences, and
// at the border of which. In all others it was not.
type Sighting struct {
	Fleet, Driver  string
	At             time.Time
	Inside, Border []string // ids
}

// See returns the sighting of p at areas.
func See(areas []Area, p *Position) Sighting {
	s := Sighting{Fleet: p.Fleet, Driver: p.Driver, At: p.FixAt}
	for i := range areas {
		switch areas[i].Side(&p.Fix) {
		case Inside:
			s.Inside = append(s.Inside, areas[i].ID)
		case Border:
			s.Border = append(s.Border, areas[i].ID)
		}
	}
	return s
}

// A Visit is a driver's stay in a geofence.
type Visit struct {
	Since   time.Time `json:"since"`
	Dwelled bool      `json:"dwelled,omitempty"`
}

// A Watch is what is known of a driver at the geofences of its fleet.
type Watch struct {
	At     time.Time        // of the newest fix; one that is not newer changes nothing
	Visits map[string]Visit // by geofence, of those it is in
}

// Enter takes a sighting in and returns what it means, in the order left,
// entered, dwelled. At a border all stays as it is.
func (w *Watch) Enter(s *Sighting) []GeofenceEvent {
	if !s.At.After(w.At) {
		return nil
	}
	w.At = s.At
	var events []GeofenceEvent
	tell := func(geofence, event string) {
		events = append(events, GeofenceEvent{Fleet: s.Fleet, Geofence: geofence, Event: event, Driver: s.Driver, At: s.At})
	}
	for _, id := range slices.Sorted(maps.Keys(w.Visits)) {
		if !slices.Contains(s.Inside, id) && !slices.Contains(s.Border, id) {
			delete(w.Visits, id)
			tell(id, "left")
		}
	}
	for _, id := range s.Inside {
		if _, known := w.Visits[id]; !known {
			if w.Visits == nil {
				w.Visits = map[string]Visit{}
			}
			w.Visits[id] = Visit{Since: s.At}
			tell(id, "entered")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.Visits)) {
		if v := w.Visits[id]; !v.Dwelled && s.At.Sub(v.Since) >= Dwell {
			v.Dwelled = true
			w.Visits[id] = v
			tell(id, "dwelled")
		}
	}
	return events
}
