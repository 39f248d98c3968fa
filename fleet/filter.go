package fleet

import "strings"

// Limits on what may enter the topic tree.
const (
	MaxTopic  = 256 // bytes
	MaxLevels = 16
)

// ValidTopic reports whether s is a topic name that may be published to
// (MQTT 5 section 4.7): not empty, no wildcard, no control character, within
// MaxTopic and MaxLevels.
func ValidTopic(s string) bool {
	return bounded(s) && !strings.ContainsAny(s, "+#")
}

// ValidFilter reports whether s is a topic filter (MQTT 5 section 4.7.1):
// "+" and "#" stand alone in their level and "#" is the last one. The prefix of
// a shared subscription is not part of it: see CutShare.
func ValidFilter(s string) bool {
	if !bounded(s) {
		return false
	}
	for {
		level, rest, more := strings.Cut(s, "/")
		if strings.ContainsAny(level, "+#") && len(level) > 1 {
			return false
		}
		if level == "#" && more {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

func bounded(s string) bool {
	if s == "" || len(s) > MaxTopic || strings.Count(s, "/") >= MaxLevels {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// CutShare splits $share/{group}/{filter}; the prefix is matched without regard
// to case because the broker's engine does so too. group is empty and filter
// is s when s is not a shared subscription; ok is false when it is a
// malformed one.
func CutShare(s string) (group, filter string, ok bool) {
	const prefix = "$share/"
	if len(s) < len(prefix)-1 || !strings.EqualFold(s[:len(prefix)-1], "$share") {
		return "", s, true
	}
	if len(s) < len(prefix) || s[len(prefix)-1] != '/' {
		return "", s, len(s) > len(prefix)-1 // "$sharex/…" is an ordinary name; "$share" alone is not
	}
	group, filter, found := strings.Cut(s[len(prefix):], "/")
	if !found || group == "" || filter == "" || strings.ContainsAny(group, "+#") {
		return "", "", false
	}
	return group, filter, true
}

// MatchTopic reports whether filter selects topic. "#" also selects the parent
// level; a wildcard in the first level does not select topics that begin with
// "$" (MQTT 5 section 4.7.2).
func MatchTopic(filter, topic string) bool {
	if len(topic) > 0 && topic[0] == '$' && len(filter) > 0 && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		f, frest, fmore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		t, trest, tmore := strings.Cut(topic, "/")
		if f != "+" && f != t {
			return false
		}
		switch {
		case !fmore && !tmore:
			return true
		case !tmore:
			return frest == "#"
		case !fmore:
			return false
		}
		filter, topic = frest, trest
	}
}

// Covers reports whether every topic that filter selects is also selected by
// allowed. Both are valid filters or topics without a share prefix.
func Covers(allowed, filter string) bool {
	if len(filter) > 0 && filter[0] == '$' && len(allowed) > 0 && (allowed[0] == '+' || allowed[0] == '#') {
		return false
	}
	whole := filter
	for {
		a, arest, amore := strings.Cut(allowed, "/")
		if a == "#" {
			return true
		}
		f, frest, fmore := strings.Cut(filter, "/")
		if f == "#" {
			// What is above these would be the empty topic, which there is not, so
			// +/# selects as much as #.
			return a == "+" && arest == "#" && (whole == "#" || whole == "/#")
		}
		if a != "+" && a != f {
			return false
		}
		switch {
		case !amore && !fmore:
			return true
		case !fmore:
			return arest == "#" // a/# covers a
		case !amore:
			return false
		}
		allowed, filter = arest, frest
	}
}

// Overlap reports whether there is a topic that both filters select.
func Overlap(a, b string) bool {
	if a != "" && b != "" && (a[0] == '$') != (b[0] == '$') {
		return false
	}
	for {
		x, xrest, xmore := strings.Cut(a, "/")
		y, yrest, ymore := strings.Cut(b, "/")
		if x == "#" || y == "#" {
			return true
		}
		if x != "+" && y != "+" && x != y {
			return false
		}
		switch {
		case !xmore && !ymore:
			return true
		case !xmore:
			return yrest == "#" // a/# selects a
		case !ymore:
			return xrest == "#"
		}
		a, b = xrest, yrest
	}
}
