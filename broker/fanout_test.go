package broker

import (
	"testing"

	"github.com/dray-fleet/dray/broker/packet"
)

// A position comes with the subscription identifiers that its subscriber gave,
// and without any when it gave none [MQTT-3.3.4-3]; zero is none.
func TestPositionsCarrySubscriptionIDs(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	for name, tt := range map[string]struct {
		filter string
		id     []byte
	}{
		"none":         {d1 + "location", nil},
		"its own":      {d1 + "location", []byte{7}},
		"of a share":   {"$share/g/" + d1 + "location", []byte{9}},
		"none, shared": {"$share/h/" + d1 + "location", nil},
	} {
		x := s.client(packet.V5, "x1", s.dispatcher("x1"))
		var props []byte
		if tt.id != nil {
			props = append([]byte{0x0b}, tt.id...)
		}
		x.send(subscribeFrame(packet.V5, 1, 0, props, tt.filter))
		x.want(packet.TypeSuback)
		x.silent()
		w.publish(d1+"location", fix(1), 1, 1)
		w.acked(packet.TypePuback, 1, 0)
		if m := x.message(); string(m.props[0x0b]) != string(tt.id) {
			t.Errorf("%s: subscription identifier %v, want %v", name, m.props[0x0b], tt.id)
		}
		_ = x.nc.Close()
	}
}
