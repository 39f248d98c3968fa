package broker

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/dray-fleet/dray/broker/packet"
)

// park leaves a session with n publications waiting for it.
func park(t *testing.T, s *server, version byte, n int) hello {
	t.Helper()
	h := hello{id: "d1", password: s.driver("d1"), resume: true, keepAlive: 60}
	if version == packet.V5 {
		h.props = u32(0x11, 3600)
	}
	w := s.dial(version)
	w.connect(h)
	w.granted(1, "fleet/acme/drivers/d1/commands")
	_ = w.nc.Close()
	eventually(t, "the client is gone", func() bool {
		cl, ok := s.b.engine.Clients.Get("acme/d1")
		return ok && cl.Closed() && s.b.sessions.connected("acme/d1") == nil
	})
	for i := range n {
		s.b.Publish("fleet/acme/drivers/d1/commands", fmt.Append(nil, i), false, 1)
	}
	return h
}

func TestD11PacketIDsOfBothSides(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.client(packet.V5, "c")
		w.granted(1, "a")
		if err := b.Publish("a", nil, false, 1); err != nil {
			t.Fatal(err)
		}
		id := w.message().id
		w.send(subscribeFrame(packet.V5, id, 1, nil, "b"))
		if codes := w.suback(); codes[0] != 0x91 {
			t.Errorf("the engine alone answers %#x: the test shows nothing", codes[0])
		}
	})
	for _, version := range []byte{packet.V311, packet.V5} {
		s := start(t)
		h := park(t, s, version, 3)
		w := s.dial(version)
		if present, _ := w.connect(h); !present {
			t.Fatal("the session is gone")
		}
		ids := map[uint16]bool{}
		for range 3 {
			ids[w.message().id] = true
		}
		for id := range ids {
			w.send(subscribeFrame(version, id, 1, nil, "fleet/acme/broadcast"))
			g := w.want(packet.TypeSuback)
			if got := binary.BigEndian.Uint16(g.body); got != id || g.body[len(g.body)-1] != 1 {
				t.Errorf("version %d: SUBSCRIBE %d with deliveries open is answered %v", version, id, g)
			}
			w.send(unsubscribeFrame(version, id, "fleet/acme/broadcast"))
			if g := w.want(packet.TypeUnsuback); binary.BigEndian.Uint16(g.body) != id {
				t.Errorf("version %d: UNSUBSCRIBE %d is answered %v", version, id, g)
			}
			w.publish(healthTopic("d1"), health(1), 1, id)
			w.acked(packet.TypePuback, id, 0)
		}
		_ = w.nc.Close()
		eventually(t, "the client is gone", func() bool { return s.b.sessions.connected("acme/d1") == nil })
		w = s.dial(version)
		w.connect(h)
		for range 3 {
			if m := w.ack(); !m.dup || !ids[m.id] {
				t.Errorf("version %d: redelivered %+v", version, m)
			}
		}
		w.silent()
	}
}

func TestD12ResumeKeepsOrderAndReceiveMaximum(t *testing.T) {
	const n = 500
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V311)
		w.connect(hello{id: "c", resume: true})
		w.granted(1, "a")
		_ = w.nc.Close()
		eventually(t, "the client is gone", func() bool { cl, ok := b.Clients.Get("c"); return ok && cl.Closed() })
		for i := range n {
			if err := b.Publish("a", fmt.Append(nil, i), false, 1); err != nil {
				t.Fatal(err)
			}
		}
		w = b.dial(packet.V311)
		w.connect(hello{id: "c", resume: true})
		inversions := 0
		for i := range n {
			if w.message().payload != fmt.Sprint(i) {
				inversions++
			}
		}
		if inversions == 0 {
			t.Error("the engine alone keeps the order: the test shows nothing")
		}
	})
	for _, version := range []byte{packet.V311, packet.V5} {
		s := start(t)
		h := park(t, s, version, n)
		most := n
		if version == packet.V5 {
			most = 10
			h.props = append(h.props, u16(0x21, uint16(most))...)
		}
		w := s.dial(version)
		w.connect(h)
		var open []message
		for range most {
			open = append(open, w.message())
		}
		w.silent()
		for i := range n {
			if open[0].payload != fmt.Sprint(i) {
				t.Fatalf("version %d: delivery %d is %s", version, i, open[0].payload)
			}
			w.send(packet.AppendPuback(nil, version, open[0].id, 0, ""))
			if open = open[1:]; i+most < n {
				open = append(open, w.message())
			}
		}
	}
}

// Whatever is published while a client comes back to its session reaches it.
func TestNothingIsLostWhileResuming(t *testing.T) {
	const n, topic = 500, "fleet/acme/drivers/d1/commands"
	s := start(t)
	h := park(t, s, packet.V5, 0)
	ahead := make(chan struct{}, 200) // published and not yet received
	published := make(chan struct{})
	go func() {
		defer close(published)
		for i := range n {
			select {
			case ahead <- struct{}{}:
			case <-t.Context().Done():
				return
			}
			s.b.Publish(topic, fmt.Append(nil, i), false, 1)
		}
	}()
	t.Cleanup(func() { <-published })
	got := map[string]bool{}
	for visit := 0; len(got) < n; visit++ {
		w := s.dial(packet.V5)
		if present, _ := w.connect(h); !present {
			t.Fatal("the session is gone")
		}
		for range 1 + visit%40 {
			if len(got) == n {
				break
			}
			g, err := w.read(patience)
			if err != nil {
				t.Fatalf("%d of %d have come, and %d are counted as dropped: %v", len(got), n, s.b.Status().Dropped, err)
			}
			m := w.parse(g)
			if !got[m.payload] {
				got[m.payload] = true
				<-ahead
			}
			w.send(packet.AppendPuback(nil, packet.V5, m.id, 0, ""))
		}
		_ = w.nc.Close()
	}
}
