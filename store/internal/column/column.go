// Package column says how both stores keep measurements and times: scaled
// integers, which are half the size of floats and give back the decimals that
// came in, and microseconds since 1970.
package column

import (
	"math"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Scale is how many units of a column make one of the measurement.
type Scale float64

const (
	Degree   Scale = 1e7 // latitude, longitude: about a centimetre
	Accuracy Scale = 100
	Altitude Scale = 100
	Speed    Scale = 1000
	Heading  Scale = 100
	Battery  Scale = 100
)

// Int returns the column's value of v.
func (s Scale) Int(v float64) int32 { return int32(math.Round(v * float64(s))) }

// HeadingInt returns the column's value of a heading; what rounds to 360 is 0.
func HeadingInt(v float64) int32 { return Heading.Int(v) % Heading.Int(360) }

// NullHeading is HeadingInt, or nil when o is absent.
func NullHeading(o fleet.Opt) any {
	if !o.OK {
		return nil
	}
	return int64(HeadingInt(o.V))
}

// Float is the inverse of Int.
func (s Scale) Float(v int32) float64 { return float64(v) / float64(s) }

// Null returns the column's value of o, nil when it is absent.
func (s Scale) Null(o fleet.Opt) any {
	if !o.OK {
		return nil
	}
	return int64(s.Int(o.V))
}

// Time returns the time of a column, in UTC; the zero time for nil.
func Time(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// NullTime returns the column's value of t, nil when it is zero.
func NullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}
