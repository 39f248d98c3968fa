package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// What waits for clients is bounded by its bytes as well as by its number, of one
// session and of all, and each byte is given back.
func TestWaitingBytesAreBounded(t *testing.T) {
	const topic, big = "fleet/acme/drivers/d1/commands", 16 << 10
	s := start(t, func(o *Options) { o.Limits.SessionBytes, o.Limits.SessionBytesTotal = 4*big, 6*big })
	sent := 0
	publish := func(n int) {
		for range n {
			s.b.Publish(topic, fmt.Appendf(nil, "%d%s", sent, strings.Repeat(" ", big)), false, 2)
			sent++
		}
	}
	away := func(id string) {
		t.Helper()
		eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/"+id) == nil })
	}
	// resumed connects again and takes all of want, in order.
	resumed := func(h hello, want ...string) {
		t.Helper()
		w := s.dial(packet.V5)
		if present, _ := w.connect(h); !present {
			t.Error("the session is gone")
		}
		for _, v := range want {
			if m := w.ack(); strings.TrimSpace(m.payload) != v {
				t.Errorf("got %.4q, want %s", m.payload, v)
			}
		}
		w.silent()
		w.send(packet.AppendDisconnect(nil, packet.V5, 0, ""))
		w.closed()
		away(h.id)
	}
	dropped := func(want int64) {
		t.Helper()
		if n := s.b.Status().Dropped; n != want {
			t.Errorf("%d were counted as dropped, want %d", n, want)
		}
	}
	one := hello{id: "d1", password: s.driver("d1"), resume: true, keepAlive: 60, props: u32(0x11, 3600)}
	other := one
	other.id = "d1:tablet"

	w := s.dial(packet.V5)
	w.connect(one)
	w.granted(2, topic)
	publish(3)
	w.message()
	w.message()
	m := w.message()
	w.send(packet.AppendPubrec(nil, packet.V5, m.id, 0, "")) // the engine keeps its id alone
	w.want(packet.TypePubrel)
	publish(2) // too much since then: it is sent away, and all of it is kept
	g, err := w.read(patience)
	for err == nil && g.typ() == packet.TypePublish {
		g, err = w.read(patience)
	}
	if err != nil || g.typ() != packet.TypeDisconnect || g.body[0] != packet.CodeQuotaExceeded {
		t.Errorf("ended by %v, %v", g, err)
	}
	away("d1")
	dropped(0)
	publish(2) // find no room
	dropped(2)

	w = s.dial(packet.V5)
	w.connect(other)
	w.granted(1, topic)
	_ = w.nc.Close()
	away(other.id)
	publish(3) // two find room among what all sessions may keep
	dropped(2 + 3 + 1)
	third := one
	third.id = "d1:watch"
	w = s.dial(packet.V5)
	w.connect(third)
	w.granted(1, topic)
	_ = w.nc.Close()
	away(third.id)
	publish(2) // the first is kept for who has nothing yet
	dropped(6 + 2 + 2 + 1)
	resumed(third, "10")
	resumed(other, "7", "8")

	if n := s.b.sessions.bytes.Load(); n < 4*big || n > 5*big {
		t.Errorf("%d bytes are counted for the one that is away", n)
	}
	s.dial(packet.V5).connect(hello{id: "d1", password: s.driver("d1")}) // begins anew
	if n := s.b.sessions.bytes.Load(); n != 0 {
		t.Errorf("%d bytes are counted when nothing waits", n)
	}
}

// Properties take room too.
func TestRetainedPropertiesAreBounded(t *testing.T) {
	s := start(t)
	s.b.retained.mostBytes = 2000 * decodedProps
	a := s.client(packet.V5, "svc", s.token(fleet.RoleService, "acme", "svc", allowing("fleet/acme/#", "fleet/acme/#")))
	props := append([]byte{0x26}, append(str("k"), str(strings.Repeat("v", 1500))...)...)
	for i, code := range []byte{packet.CodeSuccess, packet.CodeQuotaExceeded} {
		a.send(packet.AppendPublish(nil, packet.V5, &packet.Publish{
			Topic: fmt.Append(nil, "fleet/acme/notes/", i), Payload: []byte("x"), QoS: 1, ID: uint16(i + 1), Retain: true, Props: props,
		}))
		a.acked(packet.TypePuback, uint16(i+1), code)
	}
}

// Nobody can have more read before it is known who it is.
func TestLargeConnect(t *testing.T) {
	s := start(t)
	w := s.dial(packet.V5)
	w.send([]byte{packet.TypeConnect << 4, 0x81, 0x80, 0x04}) // 64 KiB and a byte are announced
	w.closed()
}
