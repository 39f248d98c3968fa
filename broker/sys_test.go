package broker

import (
	"strconv"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// An operator reads $SYS as it was and as it becomes.
func TestSys(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "o1", s.token(fleet.RoleOperator, "*", "o1"))
	eventually(t, "the first values", func() bool {
		_, ok := s.b.engine.Topics.Retained.Get("$SYS/broker/clients/connected")
		return ok
	})
	w.granted(1, "$SYS/broker/clients/connected")
	if m := w.message(); !m.retain {
		t.Errorf("%+v", m)
	}
	s.client(packet.V5, "d1", s.driver("d1"))
	s.b.tellSys(time.Now())
	m := w.message()
	if m.payload == "1" { // what was told while it subscribed
		m = w.message()
	}
	if m.retain || m.payload != "2" || m.qos != 0 {
		t.Errorf("%+v", m)
	}
	w.granted(0, "$SYS/#")
	topics := map[string]string{}
	for range 16 {
		m := w.message()
		topics[m.topic] = m.payload
	}
	if up, err := strconv.Atoi(topics["$SYS/broker/uptime"]); err != nil || up < 0 || up > 3600 || topics["$SYS/broker/clients/total"] != "2" || topics["$SYS/broker/version"] == "" {
		t.Errorf("%q", topics)
	}
}
