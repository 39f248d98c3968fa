package fleet

import (
	"encoding/json"
	"time"
)

// DeviceKind is which payloads a device sends.
type DeviceKind string

const (
	DeviceNative      DeviceKind = "native"
	DeviceOwnTracks   DeviceKind = "owntracks"
	DeviceTeltonika   DeviceKind = "teltonika"
	DeviceThingsBoard DeviceKind = "thingsboard"
	DeviceFlespi      DeviceKind = "flespi"
)

// ValidDeviceKind reports whether k is in the table of kinds.
func ValidDeviceKind(k DeviceKind) bool {
	switch k {
	case DeviceNative, DeviceOwnTracks, DeviceTeltonika, DeviceThingsBoard, DeviceFlespi:
		return true
	}
	return false
}

// A Device is a unit that reports for a driver, or for itself.
type Device struct {
	Fleet, ID  string
	Kind       DeviceKind
	Driver     string // for whom it reports; empty when it is shown under its own id
	Name       string
	SecretHash []byte    // nil when it has none
	SecretAt   time.Time // when the secret was made
	Disabled   bool
	CreatedAt  time.Time
}

// Validate returns an *InvalidError for what can never be stored.
func (d *Device) Validate() error {
	switch {
	case !ValidID(d.Fleet):
		return Invalid("fleet", "is not an id")
	case !ValidID(d.ID):
		return Invalid("id", "is not an id")
	case d.Driver != "" && !ValidID(d.Driver):
		return Invalid("driver", "is not an id")
	case !ValidDeviceKind(d.Kind):
		return Invalid("kind", "is not a kind of device")
	case len(d.Name) > MaxReference || !ValidText(d.Name):
		return Invalid("name", "is too long or not plain text")
	}
	return nil
}

// A DriverConfig is how often a driver's phone is to report, live.
type DriverConfig struct {
	Interval time.Duration // zero: the phone's default
	Distance float64       // metres; zero: the phone's default
}

// MarshalJSON writes the shape that the API and events have.
func (c DriverConfig) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Interval *float64 `json:"interval_s"`
		Distance *float64 `json:"distance_m"`
	}{positive(c.Interval.Seconds()), positive(c.Distance)})
}

func positive(v float64) *float64 {
	if v <= 0 {
		return nil
	}
	return &v
}
