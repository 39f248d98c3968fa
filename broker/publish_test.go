package broker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

const d1 = "fleet/acme/drivers/d1/"

var versions = []byte{packet.V311, packet.V5}

// Every QoS in both versions: acknowledged as the specification says, stored,
// and shown to a dispatcher.
func TestPublish(t *testing.T) {
	for _, version := range versions {
		m := newMemoryStream()
		s := startOn(t, m)
		x := s.client(version, "x1", s.dispatcher("x1"))
		x.granted(2, d1+"location", d1+"health")
		w := s.client(version, "d1", s.driver("d1"))
		for qos := range byte(3) {
			w.publish(d1+"location", fix(int(qos)), qos, uint16(qos))
			r := m.next(t)
			if r.Topic != d1+"location" || r.Fleet != "acme" || r.Subject != "d1" || r.Role != fleet.RoleDriver || said(r.Publication) != fix(int(qos)) {
				t.Errorf("appended %+v", r.Publication)
			}
			if got := x.message(); got.qos != 0 || got.payload != fix(int(qos)) || got.retain {
				t.Errorf("shown %+v", got)
			}
			w.silent() // before the stream has it there is no acknowledgement
			r.answer(nil)
			w.finish(qos, uint16(qos))
		}
		w.publish(d1+"health", health(1), 2, 9)
		m.next(t).answer(nil)
		w.finish(2, 9)
		got := x.message()
		if got.qos != 2 || got.topic != d1+"health" {
			t.Errorf("shown %+v", got)
		}
		x.send(packet.AppendPubrec(nil, version, got.id, 0, ""))
		if g := x.want(packet.TypePubrel); len(g.body) > 2 && g.body[2] != 0 {
			t.Errorf("PUBREL %v", g)
		}
		x.send(packet.AppendPubcomp(nil, version, got.id, 0, ""))
		x.silent()
	}
}

// finish takes the acknowledgements of a publish.
func (w *wire) finish(qos byte, id uint16) {
	w.t.Helper()
	switch qos {
	case 1:
		w.acked(packet.TypePuback, id, 0)
	case 2:
		w.acked(packet.TypePubrec, id, 0)
		w.send([]byte{packet.TypePubrel<<4 | 2, 2, byte(id >> 8), byte(id)})
		w.acked(packet.TypePubcomp, id, 0)
	}
}

// A QoS 2 publish that is sent again before its PUBREL is stored once.
func TestQoS2IsTakenOnce(t *testing.T) {
	m := newMemoryStream()
	s := startOn(t, m)
	w := s.client(packet.V5, "d1", s.driver("d1"))
	w.publish(d1+"location", fix(1), 2, 7)
	m.next(t).answer(nil)
	w.acked(packet.TypePubrec, 7, 0)
	w.publish(d1+"location", fix(1), 2, 7)
	w.acked(packet.TypePubrec, 7, 0)
	w.send([]byte{packet.TypePubrel<<4 | 2, 2, 0, 7})
	w.acked(packet.TypePubcomp, 7, 0)
	w.send([]byte{packet.TypePubrel<<4 | 2, 2, 0, 7})
	w.acked(packet.TypePubcomp, 7, packet.CodeIDNotFound)
	w.publish(d1+"location", fix(2), 2, 7)
	if r := m.next(t); said(r.Publication) != fix(2) {
		t.Errorf("appended %s twice", r.Payload)
	}
}

// What was published in a session that has begun anew meanwhile, and is stored only
// then, does not stand in the way of its packet id.
func TestQoS2OfAFormerSession(t *testing.T) {
	m := newMemoryStream()
	s := startOn(t, m)
	h := hello{id: "d1", password: s.driver("d1"), props: u32(0x11, 3600)}
	w := s.dial(packet.V5)
	w.connect(h)
	w.publish(d1+"location", fix(1), 2, 7)
	former := m.next(t)
	_ = w.nc.Close()
	s.gone(t, "d1")
	w = s.dial(packet.V5)
	w.connect(h)
	former.answer(nil)
	w.publish(d1+"location", fix(2), 2, 7)
	r := m.next(t)
	if said(r.Publication) != fix(2) {
		t.Errorf("appended %s", said(r.Publication))
	}
	r.answer(nil)
	w.finish(2, 7)
}

// A client that publishes and says goodbye at once is told that it is stored.
func TestAcknowledgedBeforeTheEnd(t *testing.T) {
	for _, version := range versions {
		m := newMemoryStream()
		s := startOn(t, m)
		w := s.client(version, "d1", s.driver("d1"))
		w.send(publishFrame(version, d1+"location", fix(1), 1, 1), publishFrame(version, d1+"location", fix(2), 2, 2),
			[]byte{packet.TypeDisconnect << 4, 0})
		m.next(t).answer(nil)
		m.next(t).answer(nil)
		w.acked(packet.TypePuback, 1, 0)
		w.acked(packet.TypePubrec, 2, 0)
		w.closed()
	}
}

// Many publishes in flight are acknowledged in the order in which they came,
// after the stream has synced them.
func TestAcknowledgementsKeepOrder(t *testing.T) {
	log := openStream(t)
	s := startOn(t, log)
	w := s.client(packet.V311, "d1", s.driver("d1"))
	const n = 2000
	go func() {
		for i := range n {
			_, _ = w.nc.Write(publishFrame(packet.V311, d1+"location", fix(i), 1, uint16(i+1)))
		}
	}()
	for i := range n {
		w.acked(packet.TypePuback, uint16(i+1), 0)
	}
	for i, r := range drain(t, log, n) {
		if said(r.Publication) != fix(i) {
			t.Fatalf("record %d is %s", i, r.Payload)
		}
	}
}

// drain reads n records of a real stream.
func drain(t *testing.T, log *stream.Log, n int) []stream.Record {
	t.Helper()
	r, err := log.Reader(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []stream.Record
	for len(all) < n {
		records, err := r.Fetch(t.Context(), n, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, records...)
	}
	return all
}

func TestForbiddenPublishes(t *testing.T) {
	s := start(t)
	for _, topic := range []string{
		"fleet/acme/drivers/d2/location", "fleet/other/drivers/d1/location", d1 + "commands", d1 + "presence",
		"fleet/acme/shipments/s1", "fleet/acme/live", "$SYS/broker/uptime", "anything", d1 + "location/",
	} {
		w := s.client(packet.V5, "d1", s.driver("d1"))
		w.publish(topic, fix(1), 0, 0)
		w.publish(topic, fix(1), 1, 3)
		w.acked(packet.TypePuback, 3, packet.CodeNotAuthorized)
		w.publish(topic, fix(1), 2, 4)
		w.acked(packet.TypePubrec, 4, packet.CodeNotAuthorized)
		w.publish(d1+"location", fix(1), 1, 5)
		w.acked(packet.TypePuback, 5, 0)

		old := s.client(packet.V311, "d1", s.driver("d1"))
		w.ended(packet.CodeTakenOver)
		old.publish(topic, fix(1), 0, 0)
		old.silent()
		old.publish(topic, fix(1), 1, 3)
		old.closed()
	}
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.publish("fleet/acme/broadcast", "x", 1, 1)
	x.acked(packet.TypePuback, 1, packet.CodeNotAuthorized)
}

// The publishes of a role's table, and what an acl makes of them.
func TestPublishRights(t *testing.T) {
	s := start(t)
	for name, tt := range map[string]struct {
		token, id, topic string
		code             byte
	}{
		"a device for its driver":    {s.token(fleet.RoleDevice, "acme", "box", func(c *auth.Claims) { c.Driver = "d1" }), "box", d1 + "location", 0},
		"a device for itself":        {s.token(fleet.RoleDevice, "acme", "box"), "box", "fleet/acme/drivers/box/location", 0},
		"a device for another":       {s.token(fleet.RoleDevice, "acme", "box"), "box", d1 + "location", 0x87},
		"an admin for a driver":      {s.token(fleet.RoleAdmin, "acme", "a"), "a", d1 + "location", 0},
		"an admin elsewhere":         {s.token(fleet.RoleAdmin, "acme", "a"), "a", "fleet/other/drivers/d1/location", 0x87},
		"a service without acl":      {s.token(fleet.RoleService, "acme", "v"), "v", d1 + "location", 0x87},
		"a service as its acl says":  {s.token(fleet.RoleService, "acme", "v", allowing("fleet/acme/drivers/+/location", "")), "v", d1 + "location", 0},
		"an acl replaces the role's": {s.token(fleet.RoleDriver, "acme", "d1", allowing("fleet/acme/drivers/d1/health", "")), "d1", d1 + "location", 0x87},
		"an operator":                {s.token(fleet.RoleOperator, "*", "o"), "o", d1 + "location", 0x87},
	} {
		w := s.client(packet.V5, tt.id, tt.token)
		w.publish(tt.topic, fix(1), 1, 1)
		if g := w.want(packet.TypePuback); len(g.body) > 2 && g.body[2] != tt.code || len(g.body) == 2 && tt.code != 0 {
			t.Errorf("%s: PUBACK %v, want %#x", name, g, tt.code)
		}
	}
}

// What is malformed is kept, answered and told to its driver, and shown to
// nobody.
func TestMalformedPayload(t *testing.T) {
	for _, version := range versions {
		m := newMemoryStream()
		s := startOn(t, m)
		x := s.client(packet.V5, "x1", s.dispatcher("x1"))
		x.granted(0, d1+"location")
		w := s.client(version, "d1", s.driver("d1"))
		w.granted(0, d1+"errors")
		w.publish(d1+"location", `{"fix_at":"2024-05-01T12:00:00Z","lat":91,"lon":18}`, 1, 1)
		r := m.next(t)
		r.answer(nil)
		var refusal struct {
			Topic, Field, Reason string
			At                   time.Time
		}
		var acked bool
		for range 2 { // in either order
			g := w.next()
			if g.typ() == packet.TypePuback {
				acked = true
				if bad := version == packet.V5 && (len(g.body) < 3 || g.body[2] != packet.CodePayloadFormat); bad {
					t.Errorf("PUBACK %v", g)
				}
				continue
			}
			if err := json.Unmarshal([]byte(w.parse(g).payload), &refusal); err != nil {
				t.Error(err)
			}
		}
		if !acked || refusal.Topic != d1+"location" || refusal.Field != "lat" || refusal.Reason == "" || refusal.At.IsZero() {
			t.Errorf("acknowledged: %v; told %+v", acked, refusal)
		}
		x.silent()
		w.publish(d1+"location", "nonsense", 2, 2)
		m.next(t).answer(nil)
		for range 2 {
			if g := w.next(); g.typ() == packet.TypePubrec && version == packet.V5 && g.body[2] != packet.CodePayloadFormat {
				t.Errorf("PUBREC %v", g)
			}
		}
	}
}

// A publish keeps its MQTT 5 properties on the way to those who watch, and its
// acknowledgement carries none of them: clients drop the connection over that.
func TestPropertiesOfAPublish(t *testing.T) {
	s := start(t)
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.send(subscribeFrame(packet.V5, 1, 0, []byte{0x0b, 42}, d1+"location", d1+"duty"))
	x.suback()
	old := s.client(packet.V311, "x2", s.dispatcher("x2"))
	old.granted(0, d1+"location", d1+"duty")
	w := s.client(packet.V5, "d1", s.driver("d1"))
	props := append(append([]byte{0x26}, append(str("trip"), str("7")...)...), append([]byte{0x03}, str("application/json")...)...)
	for i, p := range []packet.Publish{
		{Topic: []byte(d1 + "location"), Payload: []byte(fix(1)), QoS: 1, ID: 1, Props: props},
		{Topic: []byte(d1 + "duty"), Payload: []byte(`{"state":"on"}`), QoS: 1, ID: 2, Props: props},
	} {
		w.send(packet.AppendPublish(nil, packet.V5, &p))
		if g := w.want(packet.TypePuback); len(g.body) != 2 {
			t.Errorf("PUBACK %v, want nothing but the packet id", g)
		}
		m := x.message()
		if m.payload != string(p.Payload) || string(m.props[0x03]) != "application/json" || len(m.props[0x26]) == 0 || len(m.props[0x0b]) != 1 || m.props[0x0b][0] != 42 {
			t.Errorf("publish %d: %+v", i, m)
		}
		if m := old.message(); m.payload != string(p.Payload) {
			t.Errorf("publish %d to 3.1.1: %+v", i, m)
		}
	}
}

func TestMessageRate(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Limits.MessageRate, o.Limits.MessageBurst, o.Limits.SlowClose = 100, 20, 300*time.Millisecond
	})
	w := s.client(packet.V5, "d1", s.driver("d1"))
	began := time.Now()
	for i := range 40 { // 20 at once, the others at 100 a second
		w.publish(d1+"location", fix(i), 1, uint16(i+1))
	}
	for i := range 40 {
		w.acked(packet.TypePuback, uint16(i+1), 0)
	}
	if d := time.Since(began); d < 190*time.Millisecond {
		t.Errorf("40 publishes took %v, want 200 ms", d)
	}
	go func() {
		for i := 0; ; i++ {
			if _, err := w.nc.Write(publishFrame(packet.V5, d1+"location", fix(i), 0, 0)); err != nil {
				return
			}
		}
	}()
	w.ended(packet.CodeRateTooHigh)
}

// Vendor topics take the same road, and those who watch see plain positions.
func TestVendorTopics(t *testing.T) {
	m := newMemoryStream()
	s := startOn(t, m)
	x := s.client(packet.V311, "x1", s.dispatcher("x1"))
	x.granted(0, d1+"location")
	w := s.client(packet.V5, "box", s.token(fleet.RoleDevice, "acme", "box", func(c *auth.Claims) { c.Driver = "d1" }))
	w.publish("owntracks/d1/box", `{"_type":"location","lat":59.3,"lon":18.1,"tst":1700000000}`, 1, 1)
	r := m.next(t)
	r.answer(nil)
	w.acked(packet.TypePuback, 1, 0)
	if r.Driver != "d1" || r.Fleet != "acme" {
		t.Errorf("appended %+v", r.Publication)
	}
	if got, want := x.message(), `{"fix_at":"2023-11-14T22:13:20Z","lat":59.3,"lon":18.1}`; got.topic != d1+"location" || got.payload != want {
		t.Errorf("shown %s on %s, want %s", got.payload, got.topic, want)
	}
	w.publish("owntracks/d2/box", `{}`, 1, 2)
	w.acked(packet.TypePuback, 2, packet.CodeNotAuthorized)
	w.publish("owntracks/d1/box", `{"_type":"location"`, 1, 3)
	m.next(t).answer(nil)
	w.acked(packet.TypePuback, 3, packet.CodePayloadFormat)
	w.granted(1, "owntracks/d1/box/cmd", "box/commands")
}

// More publishes than Receive Maximum wait in the socket, not in the server.
func TestReceiveMaximumOfTheServer(t *testing.T) {
	m := newMemoryStream()
	s := startOn(t, m, func(o *Options) { o.Limits.ReceiveMaximum = 5 })
	w := s.client(packet.V5, "d1", s.driver("d1"))
	for i := range 20 {
		w.publish(d1+"location", fix(i), 1, uint16(i+1))
	}
	var pending []record
	for range 5 {
		pending = append(pending, m.next(t))
	}
	if n := len(m.records); n != 0 {
		t.Errorf("%d more were appended", n)
	}
	for i := range 20 {
		pending[0].answer(nil)
		w.acked(packet.TypePuback, uint16(i+1), 0)
		if pending = pending[1:]; i+5 < 20 {
			pending = append(pending, m.next(t))
		}
	}
}

// A client that has as many QoS 2 publishes on the way as it may, and has heard of
// none when its connection breaks, sends them again; one more is too many.
func TestAllOfTheReceiveMaximumAgain(t *testing.T) {
	const most = 5
	m := newMemoryStream()
	s := startOn(t, m, func(o *Options) { o.Limits.ReceiveMaximum = most })
	h := hello{id: "d1", password: s.driver("d1"), resume: true, props: u32(0x11, 3600)}
	w := s.dial(packet.V5)
	w.connect(h)
	for i := range most {
		w.publish(d1+"location", fix(i), 2, uint16(i+1))
		m.next(t).answer(nil)
	}
	_ = w.nc.Close()
	s.gone(t, "d1")
	w = s.dial(packet.V5)
	w.connect(h)
	for i := range most {
		w.publish(d1+"location", fix(i), 2, uint16(i+1))
		w.acked(packet.TypePubrec, uint16(i+1), 0)
	}
	w.publish(d1+"location", fix(most), 2, most+1)
	w.ended(packet.CodeReceiveMaximum)
	if n := len(m.records); n != 0 {
		t.Errorf("%d were appended twice", n)
	}
}

// A panic of the engine or below it ends one connection: its will is sent, its
// subscriptions are gone, the others live on.
func TestPanicIsContained(t *testing.T) {
	m := newMemoryStream()
	m.refuse = func(p fleet.Publication) error {
		if said(p) == fix(666) {
			panic("a bug")
		}
		return nil
	}
	s := startOn(t, m)
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.granted(0, d1+"duty")
	w := s.dial(packet.V5)
	w.connect(hello{id: "d1", password: s.driver("d1"), will: &packet.Will{Topic: d1 + "duty", Payload: []byte(`{"state":"off"}`)}})
	w.granted(1, d1+"commands")
	w.publish(d1+"location", fix(666), 1, 1)
	w.ended(packet.CodeUnspecified)
	if got := x.message(); got.payload != `{"state":"off"}` {
		t.Errorf("will %+v", got)
	}
	eventually(t, "nothing is left", func() bool {
		_, ok := s.b.engine.Clients.Get("acme/d1")
		return !ok && len(s.b.engine.Topics.Subscribers(d1+"commands").Subscriptions) == 0 && s.b.Status().Connections == 1
	})
	again := s.client(packet.V5, "d1", s.driver("d1"))
	again.publish(d1+"location", fix(1), 1, 1)
	if r := m.next(t); !strings.Contains(fmt.Sprint(string(r.Payload)), "off") {
		t.Errorf("the will is not durable: %s", r.Payload)
	}
}

// A client need not wait for the CONNACK; what it says before has its time all the
// same.
func TestPublishBeforeConnack(t *testing.T) {
	for _, version := range versions {
		m := newMemoryStream()
		s := startOn(t, m)
		w := s.dial(version)
		began := time.Now()
		w.send(hello{id: "d1", password: s.driver("d1"), keepAlive: 60}.frame(version), publishFrame(version, d1+"location", fix(0), 1, 1))
		r := m.next(t)
		if r.ReceivedAt.Before(began) || r.ReceivedAt.After(time.Now()) {
			t.Errorf("version %d: received at %v", version, r.ReceivedAt)
		}
		r.answer(nil)
		w.connack()
		w.acked(packet.TypePuback, 1, 0)
	}
}
