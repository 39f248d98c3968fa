package codec

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// The functions below read the text of one JSON value, as a scanner gives it.
// null reads as absent.

func isNull(val []byte) bool   { return val[0] == 'n' }
func isObject(val []byte) bool { return val[0] == '{' }
func isNumber(val []byte) bool { return val[0] == '-' || val[0]-'0' <= 9 }

// number reads a number or null.
func number(field string, val []byte) (fleet.Opt, error) {
	if isNull(val) {
		return fleet.Opt{}, nil
	}
	if !isNumber(val) {
		return fleet.Opt{}, fleet.Invalid(field, "must be a number")
	}
	v, err := strconv.ParseFloat(string(val), 64)
	if err != nil {
		return fleet.Opt{}, fleet.Invalid(field, "is not a number that can be stored")
	}
	return fleet.Some(v), nil
}

// scaled reads a number in another unit.
func scaled(field string, val []byte, factor float64) (fleet.Opt, error) {
	o, err := number(field, val)
	o.V *= factor
	return o, err
}

// isNumeral reports whether s is a number as JSON writes it.
func isNumeral(s string) bool {
	n := scanner{b: []byte(s)}
	return n.number() == nil && n.i == len(s)
}

// text reads a string of at most limit bytes without control characters, or null.
func text(field string, val []byte, limit int) (string, error) {
	if isNull(val) {
		return "", nil
	}
	if val[0] != '"' {
		return "", fleet.Invalid(field, "must be a string")
	}
	raw := val[1 : len(val)-1]
	for _, c := range raw {
		if c == '\\' {
			raw = unescape(raw)
			break
		}
	}
	if len(raw) > limit {
		return "", fleet.Invalid(field, "is longer than "+strconv.Itoa(limit)+" bytes")
	}
	for _, c := range raw {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return "", fleet.Invalid(field, "holds a control character")
		}
	}
	return string(raw), nil
}

// integer reads an integer, as a number or as a string of digits.
func integer(field string, val []byte) (int64, error) {
	if val[0] == '"' {
		val = val[1 : len(val)-1]
	}
	n, err := strconv.ParseInt(string(val), 10, 64)
	if err != nil {
		return 0, fleet.Invalid(field, "must be an integer")
	}
	return n, nil
}

// timestamp reads an RFC 3339 string, or a number of units since the epoch.
// null is the zero time. Times are kept to the millisecond, so that one is the
// same in every store.
func timestamp(field string, val []byte, unit time.Duration) (time.Time, error) {
	switch {
	case isNull(val):
		return time.Time{}, nil
	case val[0] == '"':
		var t time.Time
		if t.UnmarshalText(val[1:len(val)-1]) != nil {
			return time.Time{}, fleet.Invalid(field, "is not an RFC 3339 time")
		}
		return t.UTC().Round(time.Millisecond), nil
	case !isNumber(val):
		return time.Time{}, fleet.Invalid(field, "must be an RFC 3339 string or a number")
	}
	v, err := strconv.ParseFloat(string(val), 64)
	if ms := v * float64(unit/time.Millisecond); err == nil && math.Abs(ms) < 1e15 {
		return time.UnixMilli(int64(math.Round(ms))).UTC(), nil
	}
	return time.Time{}, fleet.Invalid(field, "is not a plausible time")
}

// ext gathers the keys that a format does not know as one JSON object.
type ext []byte

func (e *ext) add(key, val []byte) error {
	if !e.fit(key, val, fleet.MaxExt) {
		return fleet.Invalid("ext", "unknown keys take more than "+strconv.Itoa(fleet.MaxExt)+" bytes")
	}
	return nil
}

// fit adds a key unless ext would be longer than limit.
func (e *ext) fit(key, val []byte, limit int) bool {
	b, end := *e, len(*e)
	if end == 0 {
		b = append(b, '{')
	} else {
		b[end-1] = ','
	}
	b = appendQuoted(b, key)
	b = append(b, ':')
	b = append(b, val...)
	b = append(b, '}')
	if len(b) > limit {
		if end > 0 {
			b[end-1] = '}'
		}
		*e = b[:end]
		return false
	}
	*e = b
	return true
}

// appendQuoted appends a key, unescaped, as a JSON string.
func appendQuoted(dst, key []byte) []byte {
	for _, c := range key {
		if c < 0x20 || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(string(key)) // a string always marshals
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	return append(dst, '"')
}
