package fleet

import (
	"math"
	"time"
)

// A Fix is one reading of a receiver, timed by the device. Degrees WGS 84,
// metres, metres per second, degrees clockwise from true north, percent, UTC.
type Fix struct {
	FixAt    time.Time // when the receiver measured, by the device's clock
	SentAt   time.Time // the device's clock at sending; zero when not told
	Lat, Lon float64
	Accuracy Opt // metres, >= 0
	Altitude Opt // metres
	Speed    Opt // m/s, >= 0
	Heading  Opt // 0 <= h < 360; absent when standing still
	Battery  Opt // percent
	Boot     string
	Seq      int64 // counts up within one Boot; meaningful only with HasSeq
	HasSeq   bool
	Source   string // short name: phone, obd, …; empty is the default source
	Trigger  string // time, distance, turn, event, poll, backfill
	Ext      []byte // unknown keys as one JSON object, or nil
}

// Limits of a fix's text fields, in bytes.
const (
	MaxBoot    = 64
	MaxSource  = 32
	MaxTrigger = 32
	MaxExt     = 4096
)

// oldest is before any receiver that could report here; a clock that was never
// set says 1970 or 1980.
var oldest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// farthest keeps times inside what both databases and JSON can hold. Whether a
// fix is too far ahead of now is the ingest's clock rule, not validity.
var farthest = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

// Validate reports the first field of f that can never be right, as an
// *InvalidError. It reads a heading of 360 as 0.
func (f *Fix) Validate() error {
	switch {
	case f.FixAt.IsZero():
		return Invalid("fix_at", "is required")
	case f.FixAt.Before(oldest) || f.FixAt.After(farthest):
		return Invalid("fix_at", "is not a plausible time")
	case math.IsNaN(f.Lat) || f.Lat < -90 || f.Lat > 90:
		return Invalid("lat", "must be between -90 and 90")
	case math.IsNaN(f.Lon) || f.Lon < -180 || f.Lon > 180:
		return Invalid("lon", "must be between -180 and 180")
	case f.Lat == 0 && f.Lon == 0 && !f.Accuracy.OK:
		return Invalid("lat", "and lon are exactly 0 without an accuracy: no fix")
	case f.Accuracy.OK && !(f.Accuracy.V >= 0 && f.Accuracy.V <= 1e7):
		return Invalid("accuracy_m", "must be between 0 and 10000000")
	case f.Altitude.OK && !(math.Abs(f.Altitude.V) <= 1e7):
		return Invalid("altitude_m", "must be between -10000000 and 10000000")
	case f.Speed.OK && !(f.Speed.V >= 0 && f.Speed.V <= 1e5):
		return Invalid("speed_mps", "must be between 0 and 100000")
	case f.Heading.OK && !(f.Heading.V >= 0 && f.Heading.V <= 360):
		return Invalid("heading_deg", "must be at least 0 and below 360")
	case f.Battery.OK && !(f.Battery.V >= 0 && f.Battery.V <= 100):
		return Invalid("battery_pct", "must be between 0 and 100")
	case len(f.Boot) > MaxBoot:
		return Invalid("boot", "is longer than 64 bytes")
	case f.HasSeq && f.Seq < 0:
		return Invalid("seq", "must not be negative")
	case len(f.Source) > MaxSource:
		return Invalid("source", "is longer than 32 bytes")
	case len(f.Trigger) > MaxTrigger:
		return Invalid("trigger", "is longer than 32 bytes")
	case !ValidText(f.Boot):
		return Invalid("boot", "is not plain text")
	case !ValidText(f.Source):
		return Invalid("source", "is not plain text")
	case !ValidText(f.Trigger):
		return Invalid("trigger", "is not plain text")
	case len(f.Ext) > MaxExt:
		return Invalid("ext", "unknown keys take more than 4096 bytes")
	}
	if f.Heading.V == 360 {
		f.Heading.V = 0
	}
	return nil
}
