package fleet

import (
	"encoding/json"
	"time"
)

// Severity is how urgent an alert is.
type Severity string

const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityCritical Severity = "critical"
)

// The kinds of alerts that open and close by themselves. The Subject of those
// about a shipment is its id.
const (
	AlertSilent         = "silent"             // a driver on duty of whom no position comes
	AlertLate           = "late"               // a shipment whose time window is over
	AlertUnacknowledged = "unacknowledged"     // a shipment that was offered, and its driver does not answer
	AlertExpired        = "assignment_expired" // a shipment that no driver has answered for in time
	AlertBattery        = "battery"            // of a driver on duty
	AlertGPS            = "gps"                // a driver on duty whose phone keeps its position to itself
)

// AlertLimits are those beyond which alerts open by themselves.
type AlertLimits struct {
	Silent         time.Duration // without a position
	Unacknowledged time.Duration // without an answer
	Battery        float64       // percent
}

// An Alert is something that a dispatcher has to look at. There is one open
// alert of a kind, driver and subject at a time.
type Alert struct {
	Fleet, ID string
	Kind      string // an id; also the last level of its topic
	Driver    string // empty when it is about none
	Subject   string // what else it is about, such as a shipment's id; may be empty
	Severity  Severity
	Detail    string
	OpenedAt  time.Time
	AckedAt   time.Time // zero while nobody has seen it
	AckedBy   string
	ClosedAt  time.Time // zero while it is open
	Version   int64
}

// AlertQuery selects alerts of one fleet, in the order of their ids.
type AlertQuery struct {
	Fleet  string
	Kind   string // empty is all
	Driver string // empty is all
	Open   bool   // only those not closed
	After  string
	Limit  int // 1 to 1000
}

// Validate returns an *InvalidError for what can never be stored.
func (a *Alert) Validate() error {
	switch {
	case !ValidID(a.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(a.Kind):
		return Invalid("kind", "is not an id")
	case a.Driver != "" && !ValidID(a.Driver):
		return Invalid("driver", "is not an id")
	case a.Subject != "" && !ValidID(a.Subject):
		return Invalid("subject", "is not an id")
	case len(a.Detail) > MaxNote || !ValidText(a.Detail):
		return Invalid("detail", "is too long or not plain text")
	}
	switch a.Severity {
	case SeverityInfo, SeverityWarning, SeverityCritical:
		return nil
	}
	return Invalid("severity", "must be info, warning or critical")
}

// MarshalJSON writes the shape that the API and events have.
func (a Alert) MarshalJSON() ([]byte, error) {
	at := func(t time.Time) *string {
		if t.IsZero() {
			return nil
		}
		return orNull(Timestamp(t))
	}
	return json.Marshal(struct {
		ID       string   `json:"id"`
		Kind     string   `json:"kind"`
		Driver   *string  `json:"driver"`
		Subject  *string  `json:"subject"`
		Severity Severity `json:"severity"`
		Detail   string   `json:"detail"`
		OpenedAt string   `json:"opened_at"`
		AckedAt  *string  `json:"acked_at"`
		AckedBy  *string  `json:"acked_by"`
		ClosedAt *string  `json:"closed_at"`
		Version  int64    `json:"version"`
	}{a.ID, a.Kind, orNull(a.Driver), orNull(a.Subject), a.Severity, a.Detail, Timestamp(a.OpenedAt), at(a.AckedAt), orNull(a.AckedBy), at(a.ClosedAt), a.Version})
}
