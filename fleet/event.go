package fleet

import (
	"encoding/json"
	"fmt"
	"time"
)

// An Event is something that happened, in one ordered feed of everything. A
// cursor is only ever given after all those below it are there to be read.
type Event struct {
	Cursor int64
	Kind   string // entity.what, such as "shipment.delivered"
	At     time.Time
	Actor  string
	Fleet  string
	Entity string // "shipment", "assignment", "driver", "device", "alert", "geofence", "command"
	ID     string // of the entity
	Data   json.RawMessage
}

// MarshalJSON writes the shape that the API and events have.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Cursor int64           `json:"cursor"`
		Kind   string          `json:"kind"`
		At     string          `json:"at"`
		Actor  string          `json:"actor"`
		Entity string          `json:"entity"`
		ID     string          `json:"id"`
		Data   json.RawMessage `json:"data"`
	}{e.Cursor, e.Kind, Timestamp(e.At), e.Actor, e.Entity, e.ID, e.Data})
}

// EventQuery selects events of one fleet, oldest first.
type EventQuery struct {
	Fleet string   // empty is all fleets
	After int64    // the cursor after which the page begins
	Kinds []string // each a kind, or an entity for all of its kinds; empty is all
	Limit int      // 1 to 1000
}

// A DriverError tells a driver why a report was refused.
type DriverError struct {
	Topic  string    `json:"topic"`
	Field  string    `json:"field"`
	Reason string    `json:"reason"`
	Status string    `json:"status,omitempty"` // what it is instead, when a move was refused
	At     time.Time `json:"at"`
}

// MoveError reports a step that is not legal from where the shipment or
// assignment is; From is its current status or state.
type MoveError struct{ Entity, ID, From, To string }

func (e *MoveError) Error() string {
	return fmt.Sprintf("%s %s is %s and cannot become %s", e.Entity, e.ID, e.From, e.To)
}
