package broker

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// Who is connected is that after an erasure too, to the store as well; of who has
// just gone nothing is told that was before.
func TestErasedWhileConnected(t *testing.T) {
	kept := &memoryPresence{all: map[fleet.Source]fleet.Presence{}}
	s := start(t, func(o *Options) { o.Debounce, o.Presence = 500*time.Millisecond, kept })
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.granted(1, d1+"presence")
	x.silent() // what is retained is sent after the SUBACK; it must not meet the driver
	w := s.client(packet.V5, "d1:phone", s.driver("d1"))
	x.presence()
	eventually(t, "the store knows", func() bool { return kept.state("d1") == "online" })
	kept.mu.Lock()
	clear(kept.all) // as the erasure does
	kept.mu.Unlock()
	s.b.Erased("acme", "d1")
	if _, p, _ := x.presence(); p.State != "online" {
		t.Errorf("%+v", p)
	}
	eventually(t, "the store knows again", func() bool { return kept.state("d1") == "online" })

	_ = w.nc.Close()
	eventually(t, "the driver leaves", func() bool {
		s.b.presence.mu.Lock()
		defer s.b.presence.mu.Unlock()
		return s.b.presence.drivers[driverKey{"acme", "d1"}].leaving != nil
	})
	s.b.Erased("acme", "d1")
	if _, p, _ := x.presence(); p.State != "offline" || p.Reason != "" || p.Source != "" {
		t.Errorf("%+v", p)
	}
}
