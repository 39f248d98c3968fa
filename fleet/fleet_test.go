package fleet

import (
	"strings"
	"testing"
)

func TestFleetTimeZone(t *testing.T) {
	for _, tt := range []struct {
		zone string
		ok   bool
	}{
		{"", true},
		{"UTC", true},
		{"Europe/Berlin", true},
		{"America/Argentina/Buenos_Aires", true},
		{"Etc/GMT+5", true},
		{"Local", false}, // the server's, whatever that is
		{"Factory", false},
		{"Mars/Olympus", false},
		{"../../etc/passwd", false},
		{"/usr/share/zoneinfo/UTC", false},
		{"Europe/../../../../etc/passwd", false},
		{"posixrules", false},
		{"+02:00", false},
		{"Europe/Berlin\x00", false},
		{strings.Repeat("A", 10_000), false},
	} {
		f := Fleet{ID: "acme", TimeZone: tt.zone}
		if err := f.Validate(); (err == nil) != tt.ok {
			t.Errorf("Validate of zone %.40q: %v, want ok %v", tt.zone, err, tt.ok)
		}
	}
}
