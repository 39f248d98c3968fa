package fleet

import (
	"strings"
	"testing"
)

func TestParseUpstream(t *testing.T) {
	for _, tt := range []struct {
		topic string
		want  Upstream // the zero value is refused
	}{
		{"fleet/acme/drivers/d1/location", Upstream{"acme", "d1", KindLocation, ""}},
		{"fleet/acme/drivers/d1/health", Upstream{"acme", "d1", KindHealth, ""}},
		{"fleet/acme/drivers/d1/duty", Upstream{"acme", "d1", KindDuty, ""}},
		{"fleet/acme/drivers/d1/shipments/s-1/status", Upstream{"acme", "d1", KindStatus, "s-1"}},
		{"fleet/acme/drivers/d1/assignments/a_1/receipt", Upstream{"acme", "d1", KindReceipt, "a_1"}},
		{"fleet/acme/drivers/d1/commands/c_1/receipt", Upstream{"acme", "d1", KindCommand, "c_1"}},
		{"fleet/acme/drivers/d1/commands", Upstream{}},
		{"fleet/acme/drivers/d1/assignments", Upstream{}},
		{"fleet/acme/drivers/d1/assignments/a1", Upstream{}},
		{"fleet/acme/drivers/d1/assignments/a1/status", Upstream{}},
		{"fleet/acme/drivers/d1/assignments/a1/receipt/x", Upstream{}},
		{"fleet/acme/drivers/d1/assignments//receipt", Upstream{}},
		{"fleet/acme/drivers/d1/shipments/+/status", Upstream{}},
		{"fleet/acme/drivers/d1/location/", Upstream{}},
		{"fleet/acme/drivers/d1/presence", Upstream{}},
		{"fleet/acme/drivers/d1", Upstream{}},
		{"fleet/acme/drivers//location", Upstream{}},
		{"fleet//drivers/d1/location", Upstream{}},
		{"fleet/*/drivers/d1/location", Upstream{}},
		{"fleet/acme/drivers/d 1/location", Upstream{}},
		{"fleet/acme/shipments/s1/status", Upstream{}},
		{"Fleet/acme/drivers/d1/location", Upstream{}},
		{"/fleet/acme/drivers/d1/location", Upstream{}},
		{"", Upstream{}},
	} {
		got, ok := ParseUpstream(tt.topic)
		if ok != (tt.want != Upstream{}) || ok && got != tt.want {
			t.Errorf("ParseUpstream(%q) = %+v, %v, want %+v", tt.topic, got, ok, tt.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { ParseUpstream("fleet/acme/drivers/d1/shipments/s1/status") }); n != 0 {
		t.Errorf("ParseUpstream makes %v allocations, want 0", n)
	}
}

func TestTopics(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{DriverTopic("acme", "d1", "errors"), "fleet/acme/drivers/d1/errors"},
		{LiveTopic("acme"), "fleet/acme/live"},
		{ShipmentTopic("acme", "s1"), "fleet/acme/shipments/s1"},
		{AssignmentTopic("acme", "a1"), "fleet/acme/assignments/a1"},
		{AlertTopic("acme", "silent"), "fleet/acme/alerts/silent"},
		{GeofenceTopic("acme", "g1"), "fleet/acme/geofences/g1"},
	} {
		if tt.got != tt.want {
			t.Errorf("topic %q, want %q", tt.got, tt.want)
		}
	}
}

func TestValidID(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "A-Z_09": true, strings.Repeat("x", MaxID): true,
		"": false, strings.Repeat("x", MaxID+1): false, "a b": false, "a/b": false, "+": false, "*": false, "é": false, "a\x00": false,
	} {
		if got := ValidID(s); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", s, got, want)
		}
	}
}
