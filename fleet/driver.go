package fleet

import "time"

// Duty is what a driver says of the shift.
type Duty string

const (
	DutyOn    Duty = "on"
	DutyOff   Duty = "off"
	DutyBreak Duty = "break"
)

// Presence is whether a driver is connected, as the broker saw it last.
type Presence struct {
	State  string    `json:"state"` // "online" or "offline"
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	Source string    `json:"source,omitempty"` // the client that it is about: "phone", a device's id, …
}

// Health is what a phone or device says of itself. Absent is not zero.
type Health struct {
	At         time.Time `json:"at"`
	Battery    Opt       `json:"battery_pct,omitzero"`
	Network    string    `json:"network,omitempty"`    // wifi, cellular, none, …
	Permission string    `json:"permission,omitempty"` // granted, denied, prompt
	App        string    `json:"app,omitempty"`        // foreground, background, …
	Queue      Opt       `json:"queue,omitzero"`       // reports that wait on the phone
	Ext        []byte    `json:"-"`                    // unknown keys as one JSON object, or nil
}

// A Driver is who or what is tracked on the map, with the newest that is known.
type Driver struct {
	Fleet, ID string
	Name      string
	Duty      Duty // empty when never told
	DutyAt    time.Time
	Presence  *Presence
	Health    *Health
	Position  *Position // the newest plausible one
	Flags     []string  // "quarantined", "disagreement"
	Thinned   int64     // fixes that the rate limit left out of history
	CreatedAt time.Time
}

// A Report is one thing that a driver said besides its position.
type Report struct {
	Fleet, Driver string
	ReceivedAt    time.Time
	Duty          Duty // with DutyAt, when it is a duty report
	DutyAt        time.Time
	Health        *Health // when it is a health report
}

// A Box is an area in degrees; West > East crosses the antimeridian.
type Box struct{ West, South, East, North float64 }

// Contains reports whether the point lies in b.
func (b Box) Contains(lat, lon float64) bool {
	if lat < b.South || lat > b.North {
		return false
	}
	if b.West <= b.East {
		return lon >= b.West && lon <= b.East
	}
	return lon >= b.West || lon <= b.East
}

// DriverQuery selects drivers of one fleet, in the order of their ids.
type DriverQuery struct {
	Fleet  string
	Box    *Box   // only drivers whose position lies in it
	Status string // "online", "offline", "on", "off", "break"; empty is all
	After  string // the id after which the page begins; empty is the first page
	Limit  int    // 1 to 1000
}

// TrackQuery selects one driver's history, [From, To), oldest first.
type TrackQuery struct {
	Fleet, Driver string
	From, To      time.Time
	Quarantined   bool // instead those that the clock rule set aside
}
