package broker

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// A delivery that waits for the client's acknowledgements expires like one that
// waits for the client.
func TestWaitingDeliveriesExpire(t *testing.T) {
	s := start(t)
	token := s.token(fleet.RoleService, "acme", "s1", allowing("fleet/acme/own/#", "fleet/acme/own/#"))
	w := s.dial(packet.V5)
	w.connect(hello{id: "s1", password: token, props: u16(0x21, 1)})
	w.granted(1, "fleet/acme/own/a")
	from := s.client(packet.V5, "s1:from", token)
	publish := func(payload string, id uint16, props []byte) {
		from.send(packet.AppendPublish(nil, packet.V5, &packet.Publish{Topic: []byte("fleet/acme/own/a"), Payload: []byte(payload), QoS: 1, ID: id, Props: props}))
		from.acked(packet.TypePuback, id, 0)
	}
	publish("first", 1, nil)
	publish("short", 2, u32(0x02, 1))
	publish("long", 3, u32(0x02, 1000))
	publish("for ever", 4, nil)
	first := w.message()
	at := time.Now()
	eventually(t, "the short one has expired", func() bool { return time.Since(at) > 2*time.Second })
	w.send(packet.AppendPuback(nil, packet.V5, first.id, 0, ""))
	m := w.ack()
	if m.payload != "long" || binary.BigEndian.Uint32(m.props[0x02]) > 999 {
		t.Errorf("got %+v, want the long one with what is left of its interval", m)
	}
	if m := w.ack(); m.payload != "for ever" || m.props[0x02] != nil {
		t.Errorf("got %+v", m)
	}
	w.silent()
	if n := s.b.sessions.bytes.Load(); n != 0 {
		t.Errorf("%d bytes are still kept", n)
	}
}

// A client that acknowledges too little does not silently miss the newest: its
// connection ends, and what was to be acknowledged comes again, with room for more.
func TestUnacknowledgedDeliveries(t *testing.T) {
	const most, topic = 20, "fleet/acme/drivers/d1/commands"
	for _, version := range versions {
		s := start(t, func(o *Options) { o.Limits.InflightMessages = most })
		h := hello{id: "d1", password: s.driver("d1"), resume: true, keepAlive: 60}
		if version == packet.V5 {
			h.props = u32(0x11, 3600)
		}
		sent := 0
		publish := func(n int) {
			for range n {
				s.b.Publish(topic, fmt.Append(nil, sent), false, 1)
				sent++
			}
		}
		away := func() {
			eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/d1") == nil })
		}
		w := s.dial(version)
		w.connect(h)
		w.granted(1, topic)
		publish(most - 1)
		for range most - 1 {
			w.message()
		}
		w.silent() // a Receive Maximum does not matter here, only what is kept
		publish(1) // which may not reach it any more
		g, err := w.read(patience)
		if err == nil && g.typ() == packet.TypePublish {
			g, err = w.read(patience)
		}
		if v5 := version == packet.V5; v5 != (err == nil) || v5 && (g.typ() != packet.TypeDisconnect || g.body[0] != packet.CodeQuotaExceeded) {
			t.Errorf("version %d: ended by %v, %v", version, g, err)
		}
		away()
		dropped := s.b.Status().Dropped
		publish(3) // are not kept
		if n := s.b.Status().Dropped; n != dropped+3 {
			t.Errorf("version %d: %d were counted as dropped, want 3", version, n-dropped)
		}

		w = s.dial(version)
		if present, _ := w.connect(h); !present {
			t.Fatalf("version %d: the session is gone", version)
		}
		publish(most - 1)
		var got []message
		for range 2*most - 1 {
			got = append(got, w.message())
		}
		for i, m := range got {
			want := i
			if i >= most {
				want += 3
			}
			if m.payload != fmt.Sprint(want) || m.dup != (i < most) && i != most-1 {
				t.Errorf("version %d: delivery %d is %+v", version, i, m)
			}
			w.send(packet.AppendPuback(nil, version, m.id, 0, ""))
		}
		w.silent()
		for range 3 { // it has acknowledged: all the room is there again
			publish(most - 1)
			for range most - 1 {
				w.ack()
			}
			w.silent()
		}
		w.silent()
		_ = w.nc.Close()
		away()
		publish(most + 5)
		w = s.dial(version)
		w.connect(h)
		for range most {
			if m := w.ack(); m.dup {
				t.Errorf("version %d: %+v is sent for the first time", version, m)
			}
		}
		w.silent()
	}
}

// A client whose queue in the engine stands still is sent away with its session,
// which has all of what it did not get.
func TestQueueThatStandsStill(t *testing.T) {
	const n, topic = 2 * engineQueue, "fleet/acme/drivers/d1/commands"
	s := start(t)
	h := hello{id: "d1", password: s.driver("d1"), resume: true, keepAlive: 60, props: u32(0x11, 3600)}
	w := s.dial(packet.V5)
	w.connect(h)
	d := &s.b.sessions.connected("acme/d1").deliveries
	d.mu.Lock()
	d.started = true // the loop that empties the queue never runs
	d.mu.Unlock()
	w.granted(1, topic)
	for i := range n {
		s.b.Publish(topic, fmt.Append(nil, i), false, 1)
	}
	w.ended(packet.CodeQuotaExceeded)
	eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/d1") == nil })
	w = s.dial(packet.V5)
	if present, _ := w.connect(h); !present {
		t.Fatal("the session is gone")
	}
	for i := range n {
		if m := w.ack(); m.payload != fmt.Sprint(i) || m.dup {
			t.Fatalf("delivery %d is %+v", i, m)
		}
	}
	w.silent()
	if dropped := s.b.Status().Dropped; dropped != 0 {
		t.Errorf("%d were dropped", dropped)
	}
}
