package ingest

import (
	"strings"
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/dray-fleet/dray/fleet"
)

type named struct {
	mqtt.Message
	topic string
}

func (n named) Topic() string   { return n.topic }
func (n named) Payload() []byte { return nil }

func TestMapping(t *testing.T) {
	for _, tt := range []struct{ mapping, topic, want string }{
		{"fleet/+/drivers/+/location", "fleet/zeta/drivers/d1/location", "zeta d1 fleet/zeta/drivers/d1/location driver"},
		{"vehicles/{driver}/gps", "vehicles/truck-1/gps", "acme truck-1 fleet/acme/drivers/truck-1/location driver"},
		{"{fleet}/{driver}/{device}/pos", "zeta/d1/obd/pos", "zeta d1 fleet/zeta/drivers/d1/location device obd"},
		{"+/{driver}/#", "x/d1/y/z", "acme d1 fleet/acme/drivers/d1/location driver"},
		{"vehicles/{driver}/gps", "vehicles/truck-1/temperature", "acme - vehicles/truck-1/temperature driver"},
		{"vehicles/{driver}/gps", "vehicles/truck-1", "acme - vehicles/truck-1 driver"},
		{"owntracks/+/+", "owntracks/ann/pixel", "acme ann owntracks/ann/pixel device pixel"},
		{"owntracks/#", "owntracks/ann/pixel/event", "acme ann owntracks/ann/pixel/event device pixel"},
		{"flespi/+", "flespi/123", "acme - flespi/123 device 123"},
		{"+/data", "352093081452251/data", "acme - 352093081452251/data device 352093081452251"},
	} {
		opts := MQTTOptions{ClientID: "c", Topics: []string{tt.mapping}, Fleet: "acme"}
		if err := opts.Validate(); err != nil {
			t.Errorf("%s: %v", tt.mapping, err)
		}
		p := newMQTTSource(opts, nil).publication(&received{Message: named{topic: tt.topic}})
		driver := p.Driver
		if u, ok := fleet.ParseUpstream(p.Topic); ok {
			driver = u.Driver
		} else if driver == "" {
			driver = "-"
		}
		got := []string{p.Fleet, driver, p.Topic, string(p.Role)}
		if p.Role == fleet.RoleDevice {
			got = append(got, p.Subject)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s on %s is %q, want %q", tt.topic, tt.mapping, s, tt.want)
		}
	}
}

func TestMQTTOptionsThatCannotBeRight(t *testing.T) {
	for _, o := range []MQTTOptions{
		{Topics: []string{"fleet/#"}},
		{ClientID: "c"},
		{ClientID: "c", Topics: []string{"owntracks/+/+"}},
		{ClientID: "c", Topics: []string{"owntracks/+/+"}, Fleet: "a b"},
		{ClientID: "c", Topics: []string{"a/#/b"}, Fleet: "acme"},
		{ClientID: "c", Topics: []string{"$share/x/fleet/#"}, Fleet: "acme"},
		{ClientID: "c", Topics: []string{"a/{fleet}/b"}, Fleet: "acme"},
		{ClientID: "c", Topics: []string{"a/{vehicle}/b"}, Fleet: "acme"},
		{ClientID: "c", Topics: []string{"a/x{driver}/b"}, Fleet: "acme"},
	} {
		if o.Validate() == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
