package auth

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// principals are one of each kind of the table of roles, all of fleet acme.
var principals = map[string]*Claims{
	"driver":     {Fleet: "acme", Subject: "d1", Role: fleet.RoleDriver},
	"device":     {Fleet: "acme", Subject: "8601", Role: fleet.RoleDevice},
	"bound":      {Fleet: "acme", Subject: "box", Role: fleet.RoleDevice, Driver: "d1"},
	"dispatcher": {Fleet: "acme", Subject: "anna", Role: fleet.RoleDispatcher},
	"admin":      {Fleet: "acme", Subject: "root", Role: fleet.RoleAdmin},
	"service":    {Fleet: "acme", Subject: "erp", Role: fleet.RoleService},
	"operator":   {Fleet: AnyFleet, Subject: "ops", Role: fleet.RoleOperator},
	"acl": {Fleet: "acme", Subject: "d1", Role: fleet.RoleDriver, ACL: &ACL{
		Pub: []string{"fleet/acme/imports/+"}, Sub: []string{"fleet/acme/drivers/+/location", "fleet/acme/alerts/#"}}},
	"empty acl": {Fleet: "acme", Subject: "anna", Role: fleet.RoleDispatcher, ACL: &ACL{}},
}

func TestMayPublish(t *testing.T) {
	for _, tt := range []struct {
		topic string
		want  string // the principals that may
	}{
		{"fleet/acme/drivers/d1/location", "driver bound admin"},
		{"fleet/acme/drivers/d1/health", "driver bound admin"},
		{"fleet/acme/drivers/d1/duty", "driver bound admin"},
		{"fleet/acme/drivers/d1/shipments/s1/status", "driver bound admin"},
		{"fleet/acme/drivers/d1/assignments/a1/receipt", "driver bound admin"},
		{"fleet/acme/drivers/d1/commands/c1/receipt", "driver bound admin"},
		{"fleet/acme/drivers/d1/commands", ""},
		{"fleet/acme/drivers/8601/location", "device admin"},
		{"fleet/acme/drivers/d2/location", "admin"},
		{"fleet/acme/drivers/box/location", "admin"},
		{"fleet/other/drivers/d1/location", ""},
		{"fleet/*/drivers/d1/location", ""},
		{"fleet/acme/drivers/d1/assignments", ""},
		{"fleet/acme/drivers/d1/presence", ""},
		{"fleet/acme/drivers/d1/config", ""},
		{"fleet/acme/drivers/d1/location/x", ""},
		{"fleet/acme/drivers/d1/", ""},
		{"fleet/acme/drivers/d1", ""},
		{"fleet/acme/drivers/+/location", ""},
		{"fleet/acme/drivers//location", ""},
		{"fleet/acme/live", ""},
		{"fleet/acme/broadcast", ""},
		{"fleet/acme/imports/x", "acl"},
		{"fleet/acme/imports/+", ""},
		{"fleet/acme/imports/x/y", ""},
		{"fleet/other/imports/x", ""},
		{"8601/data", "device"},
		{"box/data", "bound"},
		{"d1/data", ""},
		{"8601/commands", ""},
		{"owntracks/8601/8601", "device"},
		{"owntracks/d1/box", "bound"},
		{"owntracks/d1/box/event", "bound"},
		{"owntracks/d1/box/waypoint", "bound"},
		{"owntracks/d1/box/status", "bound"},
		{"owntracks/d1/box/step", "bound"},
		{"owntracks/d1/box/", ""},
		{"owntracks/d1/box/cmd", ""},
		{"owntracks/d1/box/event/x", ""},
		{"owntracks/d2/box", ""},
		{"owntracks/d1/other", ""},
		{"v1/devices/me/telemetry", "device bound"},
		{"v1/devices/you/telemetry", ""},
		{"flespi/8601", "device"},
		{"flespi/d1", ""},
		{"$SYS/broker/x", ""},
		{"", ""},
	} {
		may := strings.Fields(tt.want)
		for name, c := range principals {
			if got, want := c.MayPublish(tt.topic), slices.Contains(may, name); got != want {
				t.Errorf("%s.MayPublish(%q) = %v, want %v", name, tt.topic, got, want)
			}
		}
	}
}

func TestMaySubscribe(t *testing.T) {
	for _, tt := range []struct {
		filter string
		want   string
	}{
		{"fleet/acme/drivers/d1/#", "driver bound dispatcher admin operator"},
		{"fleet/acme/drivers/d1", "driver bound dispatcher admin operator"},
		{"fleet/acme/drivers/d1/assignments", "driver bound dispatcher admin operator"},
		{"fleet/acme/drivers/d1/+", "driver bound dispatcher admin operator"},
		{"fleet/acme/broadcast", "driver dispatcher admin operator"},
		{"fleet/acme/broadcast/#", "dispatcher admin operator"},
		{"fleet/acme/drivers/8601/commands", "device dispatcher admin operator"},
		{"fleet/acme/drivers/d2/commands", "dispatcher admin operator"},
		{"fleet/acme/drivers/+/location", "dispatcher admin operator acl"},
		{"fleet/acme/drivers/d1/location", "driver bound dispatcher admin operator acl"},
		{"fleet/acme/drivers/#", "dispatcher admin operator"},
		{"fleet/acme/alerts/#", "dispatcher admin operator acl"},
		{"fleet/acme/alerts", "dispatcher admin operator acl"},
		{"fleet/acme/#", "dispatcher admin operator"},
		{"fleet/acme/live", "dispatcher admin operator"},
		{"$share/g/fleet/acme/drivers/+/location", "dispatcher admin operator acl"},
		{"$SHARE/g/fleet/acme/#", "dispatcher admin operator"},
		{"$share/g/fleet/#", "operator"},
		{"$share/g/#", ""},
		{"$share//fleet/acme/#", ""},
		{"$share/a+/fleet/acme/#", ""},
		{"$share/\x01/fleet/acme/#", ""},
		{"$share/g", ""},
		{"$share", ""},
		{"fleet/acme2/#", "operator"},
		{"fleet/acm", "operator"},
		{"fleet/+/drivers/#", "operator"},
		{"fleet/+/drivers/d1/#", "operator"},
		{"+/acme/#", ""},
		{"+/+/drivers/d1/#", ""},
		{"fleet/#", "operator"},
		{"fleet", "operator"},
		{"fleet/+", "operator"},
		{"#", ""},
		{"+", ""},
		{"+/#", ""},
		{"$SYS/#", "operator"},
		{"$SYS/broker/clients", "operator"},
		{"$sys/#", ""},
		{"$dray/#", ""},
		{"fleet/acme/a#", ""},
		{"fleet/acme/#/x", ""},
		{"fleet/acme/" + strings.Repeat("a/", 20), ""},
		{"fleet/acme/" + strings.Repeat("a", 300), ""},
		{"8601/commands", "device"},
		{"box/commands", "bound"},
		{"+/commands", ""},
		{"owntracks/d1/box/cmd", "bound"},
		{"owntracks/d1/box/#", ""},
		{"8601/data", ""},
		{"", ""},
	} {
		may := strings.Fields(tt.want)
		for name, c := range principals {
			if got, want := c.MaySubscribe(tt.filter), slices.Contains(may, name); got != want {
				t.Errorf("%s.MaySubscribe(%q) = %v, want %v", name, tt.filter, got, want)
			}
			// what may be subscribed to may be received, and the other way round
			if strings.HasPrefix(tt.filter, "fleet/") && fleet.ValidTopic(tt.filter) {
				if got, want := c.MayReceive(tt.filter), slices.Contains(may, name); got != want {
					t.Errorf("%s.MayReceive(%q) = %v, want %v", name, tt.filter, got, want)
				}
			}
		}
	}
}

func TestRightsDoNotAllocate(t *testing.T) {
	for name, c := range principals {
		if n := testing.AllocsPerRun(100, func() {
			c.MayPublish("fleet/acme/drivers/d1/location")
			c.MayPublish("owntracks/d1/box/status")
			c.MayReceive("fleet/acme/drivers/d1/location")
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestClientIDAllowed(t *testing.T) {
	c := &Claims{Subject: "d1"}
	for _, tt := range []struct {
		clientID string
		want     bool
	}{
		{"d1", true},
		{"d1:phone", true},
		{"d1:a:b", true},
		{"", false},
		{"d1:", false},
		{"d12", false},
		{"d12x", false},
		{"d2", false},
		{"D1", false},
		{"d1:a\x00", false},
		{"d1:" + strings.Repeat("x", 254), false},
	} {
		if got := c.ClientIDAllowed(tt.clientID); got != tt.want {
			t.Errorf("ClientIDAllowed(%q) = %v, want %v", tt.clientID, got, tt.want)
		}
	}
}

func TestSpeaksFor(t *testing.T) {
	for name, want := range map[string]string{
		"driver": "d1", "device": "8601", "bound": "d1",
		"dispatcher": "", "admin": "", "service": "", "operator": "",
	} {
		if got := principals[name].SpeaksFor(); got != want {
			t.Errorf("%s.SpeaksFor() = %q, want %q", name, got, want)
		}
	}
}

func TestExpired(t *testing.T) {
	exp := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &Claims{ExpiresAt: exp}
	if c.Expired(exp.Add(-time.Millisecond)) || !c.Expired(exp) || (&Claims{}).Expired(exp) {
		t.Error("Expired: want false before exp, true at exp, false without one")
	}
}

func BenchmarkMayPublish(b *testing.B) {
	c := principals["driver"]
	for b.Loop() {
		c.MayPublish("fleet/acme/drivers/d1/location")
	}
}
