package fleet

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatchTopic(t *testing.T) {
	for _, tt := range []struct {
		filter, topic string
		want          bool
	}{
		{"fleet/acme/drivers/+/location", "fleet/acme/drivers/d7/location", true},
		{"fleet/acme/drivers/+/location", "fleet/acme/drivers/d7/8/location", false},
		{"fleet/acme/drivers/+/location", "fleet/acme/drivers//location", true},
		{"fleet/acme/#", "fleet/acme", true}, // "#" also selects the parent level
		{"fleet/acme/#", "fleet/acme2/drivers/d7/location", false},
		{"fleet/acme/+", "fleet/acme", false},
		{"fleet/acme", "fleet/acme/", false},
		{"#", "$SYS/broker", false},
		{"+/broker", "$SYS/broker", false},
		{"$SYS/#", "$SYS/broker", true},
		{"/+", "/a", true},
		{"+", "/a", false},
	} {
		if got := MatchTopic(tt.filter, tt.topic); got != tt.want {
			t.Errorf("MatchTopic(%q, %q) = %v, want %v", tt.filter, tt.topic, got, tt.want)
		}
	}
}

// matchPlain is MatchTopic written down from MQTT 5 sections 4.7.1 and 4.7.2.
func matchPlain(filter, topic []string) bool {
	switch {
	case len(filter) == 0:
		return len(topic) == 0
	case filter[0] == "#":
		return true // it stands last, and for the parent level too
	case len(topic) == 0:
		return false
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && matchPlain(filter[1:], topic[1:])
}

func matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && strings.ContainsAny(filter[:1], "+#") {
		return false
	}
	return matchPlain(strings.Split(filter, "/"), strings.Split(topic, "/"))
}

// paths lists every sequence of 1 to depth of the levels.
func paths(levels []string, depth int) []string {
	last := slices.Clone(levels)
	all := slices.Clone(last)
	for range depth - 1 {
		var next []string
		for _, p := range last {
			for _, l := range levels {
				next = append(next, p+"/"+l)
			}
		}
		last = next
		all = append(all, last...)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// TestCovers tries everything in a small world: filters of up to three levels
// over a, an empty level, $x, + and #, and topics of up to five levels, which
// may also hold a level that no filter names.
func TestCovers(t *testing.T) {
	topics := paths([]string{"a", "b", "", "$x"}, 5)
	filters := paths([]string{"a", "", "$x", "+"}, 3)
	for _, f := range slices.Clone(filters) {
		filters = append(filters, f+"/#")
	}
	filters = append(filters, "#", "/#")
	slices.Sort(filters)
	filters = slices.Compact(filters)

	selected := map[string][]bool{}
	for _, f := range filters {
		if !ValidFilter(f) {
			t.Fatalf("ValidFilter(%q) = false", f)
		}
		row := make([]bool, len(topics))
		for i, topic := range topics {
			row[i] = matches(f, topic)
			if got := MatchTopic(f, topic); got != row[i] {
				t.Errorf("MatchTopic(%q, %q) = %v, want %v", f, topic, got, row[i])
			}
		}
		selected[f] = row
	}
	for _, allowed := range filters {
		for _, f := range filters {
			want := true
			for i, in := range selected[f] {
				want = want && (!in || selected[allowed][i])
			}
			if got := Covers(allowed, f); got != want {
				t.Errorf("Covers(%q, %q) = %v, want %v", allowed, f, got, want)
			}
		}
	}
}

// Longer filters at random: what is covered is selected too.
func TestCoversIsSound(t *testing.T) {
	level := rapid.SampledFrom([]string{"fleet", "acme", "d1", "", "$s"})
	rapid.Check(t, func(t *rapid.T) {
		filter := func(label string) string {
			levels := rapid.SliceOfN(rapid.OneOf(level, rapid.Just("+")), 1, 6).Draw(t, label)
			if rapid.Bool().Draw(t, label+" ends in #") {
				levels = append(levels, "#")
			}
			return strings.Join(levels, "/")
		}
		allowed, asked := filter("allowed"), filter("asked")
		topic := strings.Join(rapid.SliceOfN(level, 1, 8).Draw(t, "topic"), "/")
		if asked == "" || allowed == "" || topic == "" {
			return // not a filter, not a topic
		}
		if Covers(allowed, asked) && MatchTopic(asked, topic) && !MatchTopic(allowed, topic) {
			t.Fatalf("Covers(%q, %q), but %q is selected by the second alone", allowed, asked, topic)
		}
	})
}

func TestValidFilter(t *testing.T) {
	for _, tt := range []struct {
		s             string
		filter, topic bool
	}{
		{"fleet/acme/live", true, true},
		{"fleet/+/live", true, false},
		{"fleet/#", true, false},
		{"#", true, false},
		{"+", true, false},
		{"/", true, true},
		{"fleet/a+/live", false, false},
		{"fleet/a#", false, false},
		{"fleet/#/live", false, false},
		{"##", false, false},
		{"", false, false},
		{"a\x00", false, false},
		{"a\x7f", false, false},
		{"fleet/Stoček", true, true},
		{strings.Repeat("a", MaxTopic), true, true},
		{strings.Repeat("a", MaxTopic+1), false, false},
		{strings.Repeat("/", MaxLevels-1), true, true},
		{strings.Repeat("/", MaxLevels), false, false},
	} {
		if got := ValidFilter(tt.s); got != tt.filter {
			t.Errorf("ValidFilter(%q) = %v, want %v", tt.s, got, tt.filter)
		}
		if got := ValidTopic(tt.s); got != tt.topic {
			t.Errorf("ValidTopic(%q) = %v, want %v", tt.s, got, tt.topic)
		}
	}
}

func TestCutShare(t *testing.T) {
	for _, tt := range []struct {
		s, group, filter string
		ok               bool
	}{
		{"fleet/acme/#", "", "fleet/acme/#", true},
		{"$share/g/fleet/acme/#", "g", "fleet/acme/#", true},
		{"$SHARE/g/a", "g", "a", true},
		{"$share/g//a", "g", "/a", true},
		{"$sharex/g/a", "", "$sharex/g/a", true},
		{"$shar", "", "$shar", true},
		{"$share", "", "", false},
		{"$share/", "", "", false},
		{"$share/g", "", "", false},
		{"$share/g/", "", "", false},
		{"$share//a", "", "", false},
		{"$share/+/a", "", "", false},
		{"$share/#/a", "", "", false},
		{"$share/g#/a", "", "", false},
	} {
		group, filter, ok := CutShare(tt.s)
		if ok != tt.ok || ok && (group != tt.group || filter != tt.filter) {
			t.Errorf("CutShare(%q) = %q, %q, %v, want %q, %q, %v", tt.s, group, filter, ok, tt.group, tt.filter, tt.ok)
		}
	}
}

func FuzzFilters(f *testing.F) {
	f.Add("fleet/acme/#", "fleet/+/drivers", "fleet/acme/x")
	f.Add("$share/g/a", "+/#", "$SYS/x")
	f.Fuzz(func(t *testing.T, allowed, filter, topic string) {
		CutShare(allowed)
		if !ValidFilter(allowed) || !ValidFilter(filter) || !ValidTopic(topic) {
			return
		}
		if !Covers(filter, filter) || !MatchTopic(topic, topic) {
			t.Fatalf("%q does not cover itself, or %q not select itself", filter, topic)
		}
		if MatchTopic(filter, topic) != Covers(filter, topic) {
			t.Fatalf("MatchTopic(%q, %q) = %v, Covers says otherwise", filter, topic, MatchTopic(filter, topic))
		}
		if Covers(allowed, filter) && MatchTopic(filter, topic) && !MatchTopic(allowed, topic) {
			t.Fatalf("%q covers %q, but does not select %q", allowed, filter, topic)
		}
	})
}
