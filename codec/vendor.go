package codec

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A Message is what a payload in the format of a vendor says. When it says
// nothing that is kept, Ignored tells why, in a few words for a counter.
type Message struct {
	Fixes   []fleet.Fix
	Health  *fleet.Health
	Ignored string
}

// Why a message of a vendor is ignored.
const (
	ignoredNoFix = "no position" // the receiver had none
	ignoredKind  = "other kind"  // a message that is about something else
)

// Vendor decodes a publication on a vendor topic (docs/devices.md).
// receivedAt stands in where the format tells no time. An error is a
// *fleet.InvalidError.
func Vendor(topic string, payload []byte, receivedAt time.Time) (Message, error) {
	first, rest, _ := strings.Cut(topic, "/")
	switch {
	case first == "owntracks":
		return OwnTracks(payload)
	case first == "flespi":
		return Flespi(payload)
	case topic == "v1/devices/me/telemetry":
		return ThingsBoard(payload, receivedAt)
	case rest == "data":
		return Teltonika(payload)
	}
	return Message{}, fleet.Invalid("topic", "is not one of a vendor that is known")
}

// A reading is a fix while it is being read from a vendor's format.
type reading struct {
	fleet.Fix
	clock          string // what the format calls the time of the fix
	hasLat, hasLon bool
	other          ext
	cut            bool
}

func (r *reading) lat(field string, val []byte) error {
	if r.hasLat {
		return fleet.Invalid(field, "is given twice, under two names")
	}
	o, err := number(field, val)
	r.Lat, r.hasLat = o.V, o.OK
	return err
}

func (r *reading) lon(field string, val []byte) error {
	if r.hasLon {
		return fleet.Invalid(field, "is given twice, under two names")
	}
	o, err := number(field, val)
	r.Lon, r.hasLon = o.V, o.OK
	return err
}

// keep puts what has no place in a fix into ext. A vendor's device cannot help
// what it sends, so what does not fit is left out, and ext says so.
func (r *reading) keep(key, val []byte) error {
	const room = len(`,"truncated":true`)
	if !r.other.fit(key, val, fleet.MaxExt-room) {
		r.cut = true
	}
	return nil
}

// done returns the fix, if there is a position in it.
func (r *reading) done() (fix fleet.Fix, ok bool, err error) {
	if !r.hasLat || !r.hasLon || r.Lat == 0 && r.Lon == 0 && !r.Accuracy.OK {
		return fleet.Fix{}, false, nil
	}
	if r.cut {
		if err := r.other.add([]byte("truncated"), []byte("true")); err != nil {
			return fleet.Fix{}, false, err
		}
	}
	r.Ext = r.other
	if err := plausible("sent_at", r.SentAt); err != nil {
		return fleet.Fix{}, false, err
	}
	var bad *fleet.InvalidError
	if err := r.Validate(); errors.As(err, &bad) && bad.Field == "fix_at" {
		return fleet.Fix{}, false, fleet.Invalid(r.clock, bad.Reason)
	} else if err != nil {
		return fleet.Fix{}, false, err
	}
	return r.Fix, true, nil
}

// message returns the one fix of a reading, or says that there is none.
func (r *reading) message() (Message, error) {
	fix, ok, err := r.done()
	switch {
	case err != nil:
		return Message{}, err
	case !ok:
		return Message{Ignored: ignoredNoFix}, nil
	}
	return Message{Fixes: []fleet.Fix{fix}}, nil
}

// readings reads an object, or an array of them, each with one; clock is what
// they call the time. Objects without a position are passed over.
func readings(payload []byte, clock string, one func(val []byte, r *reading) error) (Message, error) {
	var m Message
	object := func(s *scanner, depth int) error {
		if s.peek() != '{' {
			return fleet.Invalid("payload", "must be a JSON object or an array of them")
		}
		start := s.i
		if err := s.value(depth); err != nil {
			return err
		}
		r := reading{clock: clock}
		if err := one(s.b[start:s.i], &r); err != nil {
			return err
		}
		fix, ok, err := r.done()
		if ok && err == nil {
			m.Fixes = append(m.Fixes, fix)
		}
		return err
	}
	s, err := begin(payload)
	if err != nil {
		return Message{}, err
	}
	if s.peek() == '[' {
		err = s.array(1, func(i int) error {
			if i == MaxFixes {
				return fleet.Invalid("payload", "holds more than "+strconv.Itoa(MaxFixes)+" messages")
			}
			if err := object(&s, 2); err != nil {
				return at(i, err)
			}
			return nil
		})
	} else {
		err = object(&s, 1)
	}
	if err == nil {
		err = s.end()
	}
	switch {
	case err != nil:
		return Message{}, err
	case len(m.Fixes) == 0:
		return Message{Ignored: ignoredNoFix}, nil
	}
	return m, nil
}

const (
	kmh   = 1 / 3.6      // m/s
	knots = 1852 / 3600. // m/s
)

// positive reads a number whose negative values mean that it is not known.
func positive(field string, val []byte, factor float64) (fleet.Opt, error) {
	o, err := scaled(field, val, factor)
	if o.V < 0 {
		return fleet.Opt{}, err
	}
	return o, err
}

// isFalse reports whether a flag says no: false, 0 or "0".
func isFalse(val []byte) bool {
	switch string(val) {
	case "false", "0", `"0"`, `"false"`:
		return true
	}
	return false
}
