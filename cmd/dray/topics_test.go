package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// topicCallers are one of each role, of two fleets, by the letter that stands for
// them in the table.
var topicCallers = map[rune]auth.Claims{
	'D': {Fleet: "acme", Role: fleet.RoleDriver, Subject: "d1"},
	'O': {Fleet: "acme", Role: fleet.RoleDriver, Subject: "d2"},
	'V': {Fleet: "acme", Role: fleet.RoleDevice, Subject: "8601"},
	'B': {Fleet: "acme", Role: fleet.RoleDevice, Subject: "box", Driver: "d1"},
	'P': {Fleet: "acme", Role: fleet.RoleDispatcher, Subject: "dispo"},
	'A': {Fleet: "acme", Role: fleet.RoleAdmin, Subject: "boss"},
	'S': {Fleet: "acme", Role: fleet.RoleService, Subject: "erp"},
	'L': {Fleet: "acme", Role: fleet.RoleService, Subject: "tms", ACL: &auth.ACL{
		Pub: []string{"fleet/acme/drivers/+/location"}, Sub: []string{"fleet/acme/drivers/d1/#"}}},
	'R': {Fleet: auth.AnyFleet, Role: fleet.RoleOperator, Subject: "ops"},
	'd': {Fleet: "beta", Role: fleet.RoleDriver, Subject: "d1"},
	'v': {Fleet: "beta", Role: fleet.RoleDevice, Subject: "8601"},
	'p': {Fleet: "beta", Role: fleet.RoleDispatcher, Subject: "dispo"},
	'a': {Fleet: "beta", Role: fleet.RoleAdmin, Subject: "boss"},
}

// topicTable is the whole table of who may publish and subscribe where; a filter
// with wildcards is not published to.
var topicTable = []struct{ topic, publish, subscribe string }{
	{"fleet/acme/drivers/d1/location", "DBAL", "DBPALR"},
	{"fleet/acme/drivers/d1/health", "DBA", "DBPALR"},
	{"fleet/acme/drivers/d1/duty", "DBA", "DBPALR"},
	{"fleet/acme/drivers/d1/shipments/s1/status", "DBA", "DBPALR"},
	{"fleet/acme/drivers/d1/assignments/a1/receipt", "DBA", "DBPALR"},
	{"fleet/acme/drivers/d1/commands/c1/receipt", "DBA", "DBPALR"},
	{"fleet/acme/drivers/d1/assignments", "", "DBPALR"},
	{"fleet/acme/drivers/d1/commands", "", "DBPALR"},
	{"fleet/acme/drivers/d1/config", "", "DBPALR"},
	{"fleet/acme/drivers/d1/errors", "", "DBPALR"},
	{"fleet/acme/drivers/d1/presence", "", "DBPALR"},
	{"fleet/acme/drivers/d1/#", "", "DBPALR"},
	{"fleet/acme/drivers/d2/location", "OAL", "OPAR"},
	{"fleet/acme/drivers/d2/assignments", "", "OPAR"},
	{"fleet/acme/drivers/8601/location", "VAL", "VPAR"},
	{"fleet/acme/drivers/box/location", "AL", "PAR"},
	{"fleet/acme/shipments/s1", "", "PAR"},
	{"fleet/acme/assignments/a1", "", "PAR"},
	{"fleet/acme/alerts/silent", "", "PAR"},
	{"fleet/acme/geofences/g1", "", "PAR"},
	{"fleet/acme/live", "", "PAR"},
	{"fleet/acme/broadcast", "", "DOPAR"},
	{"fleet/acme/drivers/+/location", "", "PAR"},
	{"fleet/acme/#", "", "PAR"},
	{"$share/g/fleet/acme/drivers/+/location", "", "PAR"},
	{"fleet/beta/drivers/d1/location", "da", "dpaR"},
	{"fleet/beta/drivers/d1/assignments", "", "dpaR"},
	{"fleet/beta/drivers/d2/location", "a", "paR"},
	{"fleet/beta/shipments/s1", "", "paR"},
	{"fleet/beta/live", "", "paR"},
	{"fleet/beta/broadcast", "", "dpaR"},
	{"fleet/beta/#", "", "paR"},
	{"fleet/+/drivers/#", "", "R"},
	{"fleet/#", "", "R"},
	{"$share/g/fleet/#", "", "R"},
	{"$SYS/#", "", "R"},
	{"#", "", ""},
	{"+/acme/live", "", ""},
	{"owntracks/d1/box", "B", ""},
	{"owntracks/d1/box/event", "B", ""},
	{"owntracks/d1/box/waypoint", "B", ""},
	{"owntracks/d1/box/status", "B", ""},
	{"owntracks/d1/box/cmd", "", "B"},
	{"owntracks/d2/box", "", ""},
	{"8601/data", "Vv", ""},
	{"8601/commands", "", "Vv"},
	{"v1/devices/me/telemetry", "VBv", ""},
	{"flespi/8601", "Vv", ""},
}

// TestTopics has everybody publish and subscribe everywhere, on the running
// broker.
func TestTopics(t *testing.T) {
	const secret = "one secret for the tokens of this test"
	p := start(t, filepath.Join(t.TempDir(), "data"), "DRAY_AUTH_SECRET="+secret)
	minter, err := auth.NewMinter([]byte(secret), "", "")
	if err != nil {
		t.Fatal(err)
	}
	for letter, claims := range topicCallers {
		claims.ExpiresAt = time.Now().Add(time.Hour)
		token, err := minter.Mint(&claims)
		if err != nil {
			t.Fatal(err)
		}
		m := join(t, p, claims.Subject+":matrix", token)
		for _, row := range topicTable {
			if !strings.ContainsAny(row.topic, "+#") {
				if got, want := m.mayPublish(row.topic), strings.ContainsRune(row.publish, letter); got != want {
					t.Errorf("%s %s of %s may publish to %s: %v, want %v", claims.Role, claims.Subject, claims.Fleet, row.topic, got, want)
				}
			}
			if got, want := m.maySubscribe(row.topic), strings.ContainsRune(row.subscribe, letter); got != want {
				t.Errorf("%s %s of %s may subscribe to %s: %v, want %v", claims.Role, claims.Subject, claims.Fleet, row.topic, got, want)
			}
		}
		for len(m.messages) > 0 {
			if got := (<-m.messages).Topic; claims.Fleet == "beta" && strings.HasPrefix(got, "fleet/acme/") {
				t.Errorf("%s of beta is told of %s", claims.Role, got)
			}
		}
	}
}

func (m *member) mayPublish(topic string) bool {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 20*time.Second)
	defer cancel()
	r, err := m.c.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: []byte("{}")})
	if r == nil {
		m.t.Fatalf("publish to %s: %v", topic, err)
	}
	return r.ReasonCode != packet.CodeNotAuthorized // what is malformed is another matter
}

func (m *member) maySubscribe(filter string) bool {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 20*time.Second)
	defer cancel()
	r, err := m.c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	if r == nil {
		m.t.Fatalf("subscribe to %s: %v", filter, err)
	}
	return r.Reasons[0] != packet.CodeNotAuthorized
}

// TestTopicTableIsComplete looks for the topics of the documentation in the table.
func TestTopicTableIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../docs/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, row := range topicTable {
		known[row.topic] = true
	}
	names := strings.NewReplacer("{fleet}", "acme", "{driver}", "d1", "{shipment}", "s1", "{assignment}", "a1", "{command}", "c1", "{kind}", "silent", "{geofence}", "g1",
		"{device}", "box", "{imei}", "8601", "{ident}", "8601")
	rows := regexp.MustCompile("(?m)^\\| `(fleet/\\{fleet\\}/[^`]*)`").FindAllSubmatch(text, -1)
	if len(rows) < 10 {
		t.Errorf("docs/mqtt.md has %d topics", len(rows))
	}
	for _, row := range rows {
		if topic := names.Replace(string(row[1])); !known[topic] {
			t.Errorf("%s has no row in the table", topic)
		}
	}
}
