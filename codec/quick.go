package codec

import (
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Nearly every report is one flat object of known keys with plain values. Such
// a one is read here in a fraction of the scanner's time. Anything else, also
// what is wrong, is left to the scanner, which says what.

// Which fields a quick has read; a key under its alias is the same field.
const (
	readFixAt = 1 << iota
	readSentAt
	readLat
	readLon
	readAccuracy
	readAltitude
	readSpeed
	readHeading
	readBattery
	readBoot
	readSeq
	readSource
	readTrigger

	readRequired = readFixAt | readLat | readLon
)

// quickFix reads the object that b begins with into fix and returns its length,
// or 0 if it could not. Texts that fix held already are kept instead of being
// copied anew: a device says the same again.
func quickFix(b []byte, fix *fleet.Fix) int {
	q := quick{b: b}
	boot, source, trigger := fix.Boot, fix.Source, fix.Trigger
	*fix = fleet.Fix{}
	if !q.next('{') {
		return 0
	}
	var read uint
	for {
		key, ok := q.text()
		if !ok || !q.next(':') {
			return 0
		}
		var field uint
		switch string(key) {
		case "fix_at", "timestamp":
			field, ok = readFixAt, q.time("fix_at", &fix.FixAt)
		case "sent_at":
			field, ok = readSentAt, q.time("sent_at", &fix.SentAt)
		case "lat":
			field = readLat
			fix.Lat, ok = q.number()
		case "lon", "lng":
			field = readLon
			fix.Lon, ok = q.number()
		case "accuracy_m", "accuracy":
			field, ok = readAccuracy, q.measure(&fix.Accuracy)
		case "altitude_m":
			field, ok = readAltitude, q.measure(&fix.Altitude)
		case "speed_mps":
			field, ok = readSpeed, q.measure(&fix.Speed)
		case "heading_deg":
			field, ok = readHeading, q.measure(&fix.Heading)
		case "battery_pct":
			field, ok = readBattery, q.measure(&fix.Battery)
		case "boot":
			field, ok = readBoot, q.known(&fix.Boot, boot)
		case "seq":
			field = readSeq
			fix.Seq, fix.HasSeq = q.count()
			ok = fix.HasSeq
		case "source":
			field, ok = readSource, q.known(&fix.Source, source)
		case "trigger":
			field, ok = readTrigger, q.known(&fix.Trigger, trigger)
		}
		if !ok || field == 0 || read&field != 0 {
			return 0
		}
		read |= field
		if q.next(',') {
			continue
		}
		break
	}
	if !q.next('}') || read&readRequired != readRequired || fix.HasSeq && fix.Boot == "" {
		return 0
	}
	if plausible("sent_at", fix.SentAt) != nil || fix.Validate() != nil {
		return 0
	}
	return q.i
}

// A quick reads plain JSON values, and gives up where one is not.
type quick struct {
	b []byte
	i int
}

func (q *quick) space() {
	for q.i < len(q.b) && (q.b[q.i] == ' ' || q.b[q.i] == '\n' || q.b[q.i] == '\t' || q.b[q.i] == '\r') {
		q.i++
	}
}

// next consumes c, and the space before it.
func (q *quick) next(c byte) bool {
	if q.i < len(q.b) && q.b[q.i] == c {
		q.i++
		return true
	}
	q.space()
	if q.i < len(q.b) && q.b[q.i] == c {
		q.i++
		return true
	}
	return false
}

// text consumes a string of printable ASCII without escapes.
func (q *quick) text() ([]byte, bool) {
	if !q.next('"') {
		return nil, false
	}
	start := q.i
	for ; q.i < len(q.b); q.i++ {
		c := q.b[q.i]
		if c == '"' {
			q.i++
			return q.b[start : q.i-1], true
		}
		if c < 0x20 || c >= 0x7f || c == '\\' {
			return nil, false
		}
	}
	return nil, false
}

// known consumes a string.
func (q *quick) known(s *string, was string) bool {
	val, ok := q.text()
	if string(val) == was {
		*s = was
	} else {
		*s = string(val)
	}
	return ok
}

// measure consumes a number, or null, which is absent.
func (q *quick) measure(o *fleet.Opt) bool {
	q.space()
	if len(q.b)-q.i > 4 && string(q.b[q.i:q.i+4]) == "null" {
		q.i += 4
		return true
	}
	v, ok := q.number()
	*o = fleet.Opt{V: v, OK: ok}
	return ok
}

// maxExact is how many digits a float64 holds exactly, whatever they are.
const maxExact = 15

var powersOfTen = [maxExact + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// number consumes a number without an exponent. Up to maxExact digits are
// divided by a power of ten: both are exact, so the quotient is the nearest
// float64 (Clinger, How to read floating point numbers accurately, 1990).
func (q *quick) number() (float64, bool) {
	q.space()
	start := q.i
	negative := q.i < len(q.b) && q.b[q.i] == '-'
	if negative {
		q.i++
	}
	whole := q.i
	n := q.digits(0)
	digits := q.i - whole
	if digits == 0 || digits > 1 && q.b[whole] == '0' {
		return 0, false
	}
	fraction := 0
	if q.i < len(q.b) && q.b[q.i] == '.' {
		q.i++
		point := q.i
		n = q.digits(n)
		if fraction = q.i - point; fraction == 0 {
			return 0, false
		}
	}
	if q.i < len(q.b) && q.b[q.i]|0x20 == 'e' {
		return 0, false
	}
	if digits+fraction > maxExact {
		v, err := strconv.ParseFloat(string(q.b[start:q.i]), 64)
		return v, err == nil
	}
	v := float64(n) / powersOfTen[fraction]
	if negative {
		v = -v
	}
	return v, true
}

// digits consumes digits and appends them to n, which overflows silently.
func (q *quick) digits(n uint64) uint64 {
	for ; q.i < len(q.b) && q.b[q.i]-'0' <= 9; q.i++ {
		n = n*10 + uint64(q.b[q.i]-'0')
	}
	return n
}

// count consumes an integer that is not negative.
func (q *quick) count() (int64, bool) {
	q.space()
	start := q.i
	n := q.digits(0)
	digits := q.i - start
	if digits == 0 || digits > maxExact || digits > 1 && q.b[start] == '0' {
		return 0, false
	}
	return int64(n), q.i == len(q.b) || q.b[q.i] != '.' && q.b[q.i]|0x20 != 'e'
}

// time consumes a time: milliseconds since the epoch, or RFC 3339.
func (q *quick) time(field string, t *time.Time) bool {
	q.space()
	if q.i < len(q.b) && q.b[q.i] == '"' {
		start := q.i
		if _, ok := q.text(); !ok {
			return false
		}
		at, err := timestamp(field, q.b[start:q.i], time.Millisecond)
		*t = at
		return err == nil
	}
	ms, ok := q.count()
	*t = time.UnixMilli(ms).UTC()
	return ok
}
