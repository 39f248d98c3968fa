package broker

import (
	"testing"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// Who asks not to hear itself does not, whichever way its publish takes; another
// subscription of its own that does not ask so is served.
func TestNoLocal(t *testing.T) {
	const noLocal, own = 4 | 1, "fleet/acme/own/"
	s := start(t)
	token := s.token(fleet.RoleService, "acme", "s1", allowing("fleet/acme/own/# "+d1+"#", "fleet/acme/#"))
	for _, tt := range []struct{ topic, payload string }{
		{own + "a", "x"}, {d1 + "health", health(1)}, {d1 + "location", fix(1)},
	} {
		x := s.client(packet.V5, "s1:x", token)
		w := s.client(packet.V5, "s1", token)
		x.granted(noLocal, tt.topic)
		w.granted(noLocal, tt.topic)
		w.publish(tt.topic, tt.payload, 0, 0)
		if m := x.message(); m.payload != tt.payload {
			t.Errorf("%s: the other client got %+v", tt.topic, m)
		}
		w.silent()
		w.granted(1, own+"#", d1+"#")
		w.publish(tt.topic, tt.payload, 0, 0)
		if m := w.message(); m.payload != tt.payload {
			t.Errorf("%s: the other subscription got %+v", tt.topic, m)
		}
		w.silent()
	}
}
