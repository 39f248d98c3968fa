package packet

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/dray-fleet/dray/fleet"
)

// checkString checks a UTF-8 encoded string (section 1.5.4): well-formed,
// no surrogates, no U+0000.
func checkString(b []byte) error {
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return malformed("string that is not UTF-8, or holds U+0000") // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
	}
	return nil
}

// checkName checks a client id, topic or filter. It refuses also what section
// 1.5.4 allows to refuse, control characters and non-characters, since names end
// up in logs and terminals. wild tells whether "+" or "#" occurs.
func checkName(b []byte) (wild bool, err error) {
	for i, c := range b {
		if !plain[c] {
			return checkRunes(b[i:])
		}
	}
	return false, nil
}

// plain marks the bytes that need no second look in a name.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '+' && c != '#'
	}
	return t
}()

func checkRunes(b []byte) (wild bool, err error) {
	for len(b) > 0 {
		r, w := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && w == 1:
			return false, malformed("name that is not UTF-8") // [MQTT-1.5.4-1]
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return false, malformed("name with a control character") // U+0000: [MQTT-1.5.4-2]
		case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe:
			return false, malformed("name with a Unicode non-character")
		case r == '+' || r == '#':
			wild = true
		}
		b = b[w:]
	}
	return wild, nil
}

// checkTopic checks a topic that is published to (section 4.7), but not
// whether it is empty, which an alias allows.
func checkTopic(b []byte) error {
	wild, err := checkName(b)
	if wild {
		return &Malformed{CodeTopicInvalid, "topic with a wildcard"} // [MQTT-3.3.2-2]
	}
	return err
}

// checkFilter checks the grammar of a topic filter, that of a shared
// subscription included (sections 4.7.1 and 4.8.2). It sets no limits.
func checkFilter(b []byte) (shared bool, err error) {
	wild, err := checkName(b)
	if err != nil {
		return false, err
	}
	// The prefix counts in 3.1.1 and in any case too, since the engine sees it so.
	group, filter, ok := fleet.CutShare(string(b))
	if !ok || filter == "" || wild && !wildcardsStandAlone(filter) {
		return false, &Malformed{CodeFilterInvalid, "topic filter of bad form"}
	}
	return group != "", nil
}

// wildcardsStandAlone reports whether each "+" and "#" is a level of its own,
// and "#" the last one [MQTT-4.7.1-1] [MQTT-4.7.1-2].
func wildcardsStandAlone(filter string) bool {
	for {
		level, rest, more := strings.Cut(filter, "/")
		switch {
		case len(level) > 1 && strings.ContainsAny(level, "+#"):
			return false
		case level == "#" && more:
			return false
		case !more:
			return true
		}
		filter = rest
	}
}
