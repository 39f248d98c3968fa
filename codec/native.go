package codec

import (
	"errors"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// MaxFixes is the most fixes that one payload may hold.
const MaxFixes = 500

// Location decodes the payload of a driver's location topic (docs/mqtt.md): one
// fix or an array of 1 to MaxFixes, flat or in the nested Socket.IO shape. driver is whose topic it is. Every fix returned is valid; a single bad
// one refuses the payload, and its field is named like [3].lat.
func Location(payload []byte, driver string) ([]fleet.Fix, error) {
	return LocationInto(nil, payload, driver)
}

// LocationInto is Location that appends to dst. It keeps the texts of
// fixes that stood in dst's spare room where they are the same again.
func LocationInto(dst []fleet.Fix, payload []byte, driver string) ([]fleet.Fix, error) {
	if len(payload) > 0 && payload[0] == '{' {
		one := spare(dst)
		if n := quickFix(payload, &one[len(dst)]); n == len(payload) {
			return one, nil
		}
	}
	s, err := begin(payload)
	if err != nil {
		return dst, err
	}
	var fixes []fleet.Fix
	if s.peek() == '[' {
		fixes, err = nativeFixes(&s, driver, dst)
	} else {
		fixes = spare(dst)
		err = nativeFix(&s, 1, driver, &fixes[len(dst)])
	}
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return dst, err
	}
	return fixes, nil
}

// spare is dst and one fix more, which holds what stood there before.
func spare(dst []fleet.Fix) []fleet.Fix {
	if len(dst) < cap(dst) {
		return dst[:len(dst)+1]
	}
	return append(dst, fleet.Fix{})
}

func nativeFixes(s *scanner, driver string, dst []fleet.Fix) (fixes []fleet.Fix, err error) {
	fixes = dst
	err = s.array(1, func(i int) error {
		if i == MaxFixes {
			return fleet.Invalid("payload", "holds more than "+strconv.Itoa(MaxFixes)+" fixes")
		}
		fixes = spare(fixes)
		fix := &fixes[len(fixes)-1]
		if n := quickFix(s.b[s.i:], fix); n > 0 {
			s.i += n
			return nil
		}
		if err := nativeFix(s, 2, driver, fix); err != nil {
			return at(i, err)
		}
		return nil
	})
	if err == nil && len(fixes) == len(dst) {
		err = fleet.Invalid("payload", "holds no fix")
	}
	return fixes, err
}

// at puts the index of an array's element before the field of its error.
func at(i int, err error) error {
	var invalid *fleet.InvalidError
	if !errors.As(err, &invalid) || invalid.Field == "payload" {
		return err
	}
	return fleet.Invalid("["+strconv.Itoa(i)+"]."+invalid.Field, invalid.Reason)
}

// A native is a fix while it is being read.
type native struct {
	*fleet.Fix
	driver         string
	hasLat, hasLon bool
	seq            []byte // its text
	ext            ext
}

// nativeFix reads one object into fix.
func nativeFix(s *scanner, depth int, driver string, fix *fleet.Fix) error {
	*fix = fleet.Fix{}
	n := native{Fix: fix, driver: driver}
	if err := s.object(depth, n.member); err != nil {
		return err
	}
	switch {
	case n.FixAt.IsZero():
		return fleet.Invalid("fix_at", "is required")
	case !n.hasLat:
		return fleet.Invalid("lat", "is required")
	case !n.hasLon:
		return fleet.Invalid("lon", "is required")
	}
	if n.HasSeq && n.Boot == "" {
		// Without a boot a device that restarts would count over the same
		// numbers, and new fixes would pass for old ones.
		n.HasSeq, n.Seq = false, 0
		if err := n.ext.add([]byte("seq"), n.seq); err != nil {
			return err
		}
	}
	if err := plausible("sent_at", n.SentAt); err != nil {
		return err
	}
	n.Ext = n.ext
	return n.Validate()
}

// member takes one key of the flat shape, or of the outer object of the nested.
func (n *native) member(key, val []byte) error {
	switch string(key) {
	case "location":
		if isObject(val) {
			return n.nested(val)
		}
	case "driverId":
		id, err := text("driverId", val, fleet.MaxID)
		if err == nil && id != n.driver {
			err = fleet.Invalid("driverId", "is not the driver of the topic")
		}
		return err
	}
	known, err := n.field(key, val)
	if known || err != nil {
		return err
	}
	return n.ext.add(key, val)
}

// nested reads the inner object of {"driverId","location":{…},"timestamp"}.
func (n *native) nested(val []byte) error {
	var unknown ext
	err := scanObject(val, func(key, val []byte) error {
		known, err := n.field(key, val)
		if known || err != nil {
			return err
		}
		return unknown.add(key, val)
	})
	if err != nil || unknown == nil {
		return err
	}
	return n.ext.add([]byte("location"), unknown)
}

// field takes one key of the table of docs/mqtt.md.
func (n *native) field(key, val []byte) (known bool, err error) {
	switch string(key) {
	case "fix_at", "timestamp":
		return true, n.time("fix_at", &n.FixAt, val)
	case "sent_at":
		return true, n.time("sent_at", &n.SentAt, val)
	case "lat":
		return true, n.degrees("lat", &n.Lat, &n.hasLat, val)
	case "lon", "lng":
		return true, n.degrees("lon", &n.Lon, &n.hasLon, val)
	case "accuracy_m", "accuracy":
		return true, measure("accuracy_m", &n.Accuracy, val)
	case "altitude_m":
		return true, measure("altitude_m", &n.Altitude, val)
	case "speed_mps":
		return true, measure("speed_mps", &n.Speed, val)
	case "heading_deg":
		return true, measure("heading_deg", &n.Heading, val)
	case "battery_pct":
		return true, measure("battery_pct", &n.Battery, val)
	case "boot":
		n.Boot, err = idText("boot", val)
	case "seq":
		if isNull(val) {
			return true, nil
		}
		n.Seq, err = integer("seq", val)
		n.seq, n.HasSeq = val, true
	case "source":
		n.Source, err = text("source", val, fleet.MaxSource)
	case "trigger":
		n.Trigger, err = text("trigger", val, fleet.MaxTrigger)
	default:
		return false, nil
	}
	return true, err
}

func (n *native) time(field string, t *time.Time, val []byte) (err error) {
	if !t.IsZero() {
		return fleet.Invalid(field, "is given twice, under two names")
	}
	*t, err = timestamp(field, val, time.Millisecond)
	return err
}

func (n *native) degrees(field string, v *float64, has *bool, val []byte) error {
	if *has {
		return fleet.Invalid(field, "is given twice, under two names")
	}
	o, err := number(field, val)
	*v, *has = o.V, o.OK
	return err
}

func measure(field string, o *fleet.Opt, val []byte) (err error) {
	if o.OK {
		return fleet.Invalid(field, "is given twice, under two names")
	}
	*o, err = number(field, val)
	return err
}

// idText reads a short string, or an integer as its digits.
func idText(field string, val []byte) (string, error) {
	if !isNumber(val) {
		return text(field, val, fleet.MaxBoot)
	}
	n, err := integer(field, val)
	return strconv.FormatInt(n, 10), err
}
