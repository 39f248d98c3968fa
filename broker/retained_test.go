package broker

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// Clients of a fleet may have so much retained and no more; other fleets, the
// server itself and what is retained already are not touched by that.
func TestRetainedIsBounded(t *testing.T) {
	s := start(t)
	s.b.retained.most, s.b.retained.mostBytes = 3, 1000
	service := func(version byte, fleetID string) *wire {
		all := "fleet/" + fleetID + "/#"
		return s.client(version, "svc", s.token(fleet.RoleService, fleetID, "svc", allowing(all, all)))
	}
	id := uint16(0)
	retain := func(w *wire, topic, payload string, qos byte) {
		t.Helper()
		id++
		w.send(packet.AppendPublish(nil, w.version, &packet.Publish{Topic: []byte(topic), Payload: []byte(payload), QoS: qos, ID: id, Retain: true}))
	}
	a := service(packet.V5, "acme")
	for i := range 5 {
		retain(a, fmt.Sprintf("fleet/acme/notes/%d", i), "x", 1)
		a.acked(packet.TypePuback, id, map[bool]byte{true: packet.CodeQuotaExceeded}[i >= 3])
	}
	retain(a, "fleet/acme/notes/9", "x", 2)
	a.acked(packet.TypePubrec, id, packet.CodeQuotaExceeded)
	retain(a, "fleet/acme/notes/9", "x", 0)
	a.silent()
	retain(a, "fleet/acme/notes/0", "another", 1) // takes no new place
	a.acked(packet.TypePuback, id, 0)
	retain(a, "fleet/acme/notes/0", strings.Repeat("x", 999), 1) // but too many bytes
	a.acked(packet.TypePuback, id, packet.CodeQuotaExceeded)
	a.publish("fleet/acme/notes/9", "x", 1, 500) // not retained
	a.acked(packet.TypePuback, 500, 0)
	s.b.Publish(fleet.DriverTopic("acme", "d1", "config"), []byte("{}"), true, 1)

	retain(a, "fleet/acme/notes/1", "", 1) // makes room
	a.acked(packet.TypePuback, id, 0)
	s.b.Publish("fleet/acme/notes/2", nil, true, 0)
	for i := range 3 {
		retain(a, fmt.Sprintf("fleet/acme/more/%d", i), "x", 1)
		a.acked(packet.TypePuback, id, map[bool]byte{true: packet.CodeQuotaExceeded}[i == 2])
	}
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	w.granted(0, "fleet/acme/#")
	if n := w.pending(); n != 4 {
		t.Errorf("%d retained publications, want 3 of the client and the server's", n)
	}

	other := service(packet.V311, "other")
	for i := range 3 {
		retain(other, fmt.Sprintf("fleet/other/notes/%d", i), "x", 1)
		other.acked(packet.TypePuback, id, 0)
	}
	retain(other, "fleet/other/notes/3", "x", 1)
	other.closed() // 3.1.1 has no other word for it
}

// A will that finds no room is heard all the same.
func TestRetainedWillIsBounded(t *testing.T) {
	s := start(t)
	s.b.retained.most = 0
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	w.granted(1, "fleet/acme/#")
	a := s.dial(packet.V5)
	a.connect(hello{id: "svc", password: s.token(fleet.RoleService, "acme", "svc", allowing("fleet/acme/#", "fleet/acme/#")),
		will: &packet.Will{Topic: "fleet/acme/bye", Payload: []byte("x"), Retain: true}})
	_ = a.nc.Close()
	if m := w.message(); m.topic != "fleet/acme/bye" {
		t.Errorf("%+v", m)
	}
	if _, ok := s.b.engine.Topics.Retained.Get("fleet/acme/bye"); ok {
		t.Error("it is kept")
	}
}

// What the server retains and what waits for a client never expires by itself.
func TestNothingExpiresUnasked(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	w.granted(1, "fleet/acme/alerts/+")
	s.b.Publish("fleet/acme/alerts/speed", []byte("x"), true, 1)
	if m := w.message(); m.props[0x02] != nil {
		t.Errorf("a message expiry that nobody has set: %v", m.props)
	}
	s.b.expireRetained(time.Now().Add(1000 * time.Hour))
	if _, ok := s.b.engine.Topics.Retained.Get("fleet/acme/alerts/speed"); !ok {
		t.Error("it is not retained any more")
	}
}

// What is retained with an expiry interval is not sent after it, and forgotten.
func TestRetainedExpires(t *testing.T) {
	s := start(t)
	a := s.client(packet.V5, "svc", s.token(fleet.RoleService, "acme", "svc", allowing("fleet/acme/broadcast", "fleet/acme/#")))
	a.publishes(packet.Publish{Topic: []byte("fleet/acme/broadcast"), Payload: []byte("x"), QoS: 1, ID: 1, Retain: true, Props: u32(0x02, 1)})
	if _, ok := s.b.engine.Topics.Retained.Get("fleet/acme/broadcast"); !ok {
		t.Fatal("it is not kept at all")
	}
	eventually(t, "the expiry", func() bool {
		w := s.client(packet.V5, "x1", s.dispatcher("x1"))
		w.granted(1, "fleet/acme/broadcast")
		n := w.pending()
		_ = w.nc.Close()
		return n == 0
	})
	s.b.expireRetained(time.Now())
	if _, ok := s.b.engine.Topics.Retained.Get("fleet/acme/broadcast"); ok {
		t.Error("it is still kept")
	}
	if n := len(s.b.retained.of); n != 0 {
		t.Errorf("%d fleets still count it", n)
	}
}

// What a publisher says of a retained publication is told to those who subscribe
// later [MQTT-3.3.2-4, -6, -15, -16, -20].
func TestRetainedKeepsProperties(t *testing.T) {
	s := start(t)
	a := s.client(packet.V5, "svc", s.token(fleet.RoleService, "acme", "svc", allowing("fleet/acme/#", "fleet/acme/#")))
	props := slices.Concat([]byte{0x01, 1}, u32(0x02, 1000), []byte{0x03}, str("text/x"), []byte{0x08}, str("fleet/acme/reply"),
		[]byte{0x09}, str("data"), []byte{0x26}, str("k"), str("v"))
	a.publishes(packet.Publish{Topic: []byte("fleet/acme/notes/1"), Payload: []byte("x"), QoS: 1, ID: 1, Retain: true, Props: props})
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	w.send(subscribeFrame(packet.V5, 1, 1, []byte{0x0b, 7}, "fleet/acme/notes/+"))
	w.want(packet.TypeSuback)
	m := w.message()
	expiry := binary.BigEndian.Uint32(m.props[0x02])
	m.props[0x02] = nil
	want := map[byte][]byte{0x01: {1}, 0x02: nil, 0x03: []byte("text/x"), 0x08: []byte("fleet/acme/reply"), 0x09: []byte("data"), 0x0b: {7}, 0x26: append(str("k"), str("v")...)}
	if fmt.Sprint(m.props) != fmt.Sprint(want) || expiry > 1000 || expiry < 900 || !m.retain {
		t.Errorf("%+v with expiry %d, want properties %v", m, expiry, want)
	}
	old := s.client(packet.V311, "x2", s.dispatcher("x2"))
	old.granted(1, "fleet/acme/notes/+")
	if m := old.message(); m.payload != "x" {
		t.Errorf("%+v", m)
	}
}
