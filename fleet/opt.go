package fleet

import (
	"math"
	"strconv"
)

// Opt is a measurement that may be absent. Absent is not zero; the zero Opt is
// absent, and its JSON is null (leave it out with `omitzero`).
type Opt struct {
	V  float64
	OK bool
}

// Some returns a present measurement.
func Some(v float64) Opt { return Opt{V: v, OK: true} }

// IsZero reports whether o is absent, for `omitzero`.
func (o Opt) IsZero() bool { return !o.OK }

// Ptr returns nil when o is absent.
func (o Opt) Ptr() *float64 {
	if !o.OK {
		return nil
	}
	return &o.V
}

// OptOf is the inverse of Ptr.
func OptOf(p *float64) Opt {
	if p == nil {
		return Opt{}
	}
	return Some(*p)
}

// MarshalJSON writes null or the shortest number.
func (o Opt) MarshalJSON() ([]byte, error) {
	if !o.OK || math.IsNaN(o.V) || math.IsInf(o.V, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, o.V, 'f', -1, 64), nil
}

// UnmarshalJSON reads null or a number.
func (o *Opt) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*o = Opt{}
		return nil
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return Invalid("value", "is not a number")
	}
	*o = Some(v)
	return nil
}
