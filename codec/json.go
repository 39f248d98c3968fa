package codec

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/dray-fleet/dray/fleet"
)

// maxDepth is how deep a payload may nest, the outermost value being 1.
const maxDepth = 16

// A scanner reads one JSON text (RFC 8259) in one pass and without copying. It
// is stricter than encoding/json: no key twice in an object, and nothing that
// a database could not store as JSON (U+0000, half a surrogate pair, an
// exponent of four digits). encoding/json takes two to three times as long for a
// position and lets all of these through.
type scanner struct {
	b []byte
	i int
}

// begin returns a scanner that stands where the one value of data begins.
func begin(data []byte) (scanner, error) {
	if !utf8.Valid(data) {
		return scanner{}, fleet.Invalid("payload", "is not UTF-8")
	}
	s := scanner{b: data}
	s.space()
	return s, nil
}

// end reports what stands behind the value.
func (s *scanner) end() error {
	if s.space(); s.i != len(s.b) {
		return s.bad()
	}
	return nil
}

// scanObject reads data as one object; see scanner.object.
func scanObject(data []byte, member func(key, val []byte) error) error {
	s, err := begin(data)
	if err != nil {
		return err
	}
	if err := s.object(1, member); err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) bad() error {
	return fleet.Invalid("payload", "is not what JSON allows at byte "+strconv.Itoa(s.i))
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take consumes c if it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || c == 0 {
		return false
	}
	s.i++
	return true
}

// object consumes an object and calls member with each key, unescaped, and the
// text of its value, which is valid JSON without space around it. Neither may
// be kept.
func (s *scanner) object(depth int, member func(key, val []byte) error) error {
	if depth > maxDepth {
		return fleet.Invalid("payload", "nests too deep")
	}
	if !s.take('{') {
		return fleet.Invalid("payload", "must be a JSON object")
	}
	if s.space(); s.take('}') {
		return nil
	}
	var seen keySet
	for {
		s.space()
		key, escaped, err := s.str()
		if err != nil {
			return err
		}
		if escaped {
			key = unescape(key)
		}
		if s.space(); !s.take(':') {
			return s.bad()
		}
		s.space()
		start := s.i
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if !seen.add(key) {
			return fleet.Invalid(name(key), "is given twice")
		}
		if err := member(key, s.b[start:s.i]); err != nil {
			return err
		}
		if s.space(); s.take(',') {
			continue
		}
		if s.take('}') {
			return nil
		}
		return s.bad()
	}
}

// array consumes an array and calls element where each of its values begins;
// element consumes that value.
func (s *scanner) array(depth int, element func(i int) error) error {
	if depth > maxDepth {
		return fleet.Invalid("payload", "nests too deep")
	}
	if !s.take('[') {
		return s.bad()
	}
	if s.space(); s.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		s.space()
		if err := element(i); err != nil {
			return err
		}
		if s.space(); s.take(',') {
			continue
		}
		if s.take(']') {
			return nil
		}
		return s.bad()
	}
}

// value consumes any value.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '"':
		_, _, err := s.str()
		return err
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c == '{':
		return s.skipObject(depth)
	case c == '[':
		return s.array(depth, func(int) error { return s.value(depth + 1) })
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.bad()
}

func (s *scanner) skipObject(depth int) error {
	return s.object(depth, func(_, _ []byte) error { return nil })
}

func (s *scanner) literal(word string) error {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.bad()
	}
	s.i += len(word)
	return nil
}

func (s *scanner) digits() (n int) {
	start := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		s.i++
	}
	return s.i - start
}

// number consumes a number (RFC 8259 section 6).
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && s.digits() == 0 {
		return s.bad()
	}
	if s.take('.') && s.digits() == 0 {
		return s.bad()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if !s.take('+') {
			s.take('-')
		}
		if n := s.digits(); n == 0 || n > 3 {
			return s.bad()
		}
	}
	return nil
}

// str consumes a string and returns what stands between its quotes.
func (s *scanner) str() (raw []byte, escaped bool, err error) {
	if !s.take('"') {
		return nil, false, s.bad()
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1], escaped, nil
		case c == '\\':
			escaped = true
			if !s.escape() {
				return nil, false, s.bad()
			}
		case c < 0x20:
			return nil, false, s.bad()
		default:
			s.i++
		}
	}
	return nil, false, s.bad()
}

// escape consumes a backslash and what it escapes.
func (s *scanner) escape() bool {
	s.i++
	switch c := s.peek(); c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return true
	case 'u':
	default:
		return false
	}
	u, ok := s.hex4()
	switch {
	case !ok, u == 0, 0xdc00 <= u && u <= 0xdfff:
		return false
	case 0xd800 <= u && u <= 0xdbff:
		if !s.take('\\') {
			return false
		}
		low, ok := s.hex4()
		return ok && 0xdc00 <= low && low <= 0xdfff
	}
	return true
}

// hex4 consumes u and four hexadecimal digits.
func (s *scanner) hex4() (uint64, bool) {
	if !s.take('u') || len(s.b)-s.i < 4 {
		return 0, false
	}
	for _, c := range s.b[s.i : s.i+4] {
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
			return 0, false
		}
	}
	u, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	s.i += 4
	return u, err == nil
}

// unescape returns the text of a string that str has consumed.
func unescape(raw []byte) []byte {
	var text string
	// It cannot fail: str let through nothing that is not a JSON string.
	_ = json.Unmarshal([]byte(`"`+string(raw)+`"`), &text)
	return []byte(text)
}

// name shortens a key for an error.
func name(key []byte) string { return string(key[:min(len(key), 64)]) }

// A keySet holds the keys of one object. Most have few.
type keySet struct {
	few  [16][]byte
	n    int
	more map[string]struct{}
}

// add reports false if key was there already.
func (k *keySet) add(key []byte) bool {
	for _, other := range k.few[:k.n] {
		if string(other) == string(key) {
			return false
		}
	}
	if k.n < len(k.few) {
		k.few[k.n] = key
		k.n++
		return true
	}
	if _, found := k.more[string(key)]; found {
		return false
	}
	if k.more == nil {
		k.more = map[string]struct{}{}
	}
	k.more[string(key)] = struct{}{}
	return true
}
