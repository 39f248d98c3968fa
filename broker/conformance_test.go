package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dray-fleet/dray/broker/packet"
)

// What Eclipse paho's interoperability suites check, scenario by scenario, in
// the mode that is made for them.

func TestConformanceBasic(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		w, _, _ := s.plain(version, hello{id: "a"})
		w.granted(2, "TopicA")
		for qos := range byte(3) {
			w.send(publishFrame(version, "TopicA", "x", qos, uint16(qos)))
			if m := w.takes(1, int(qos)); m[0].qos != qos {
				t.Errorf("QoS %d came as %d", qos, m[0].qos)
			}
		}
		w.goodbye()
	}
}

func TestConformanceRetained(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		w, _, _ := s.plain(version, hello{id: "a"})
		for qos, topic := range []string{"fromb/qos 0", "fromb/qos 1", "fromb/qos2"} {
			w.publishes(packet.Publish{Topic: []byte(topic), Payload: []byte("kept"), QoS: byte(qos), ID: uint16(qos), Retain: true})
		}
		w.granted(2, "fromb/+")
		seen := map[string]byte{}
		for _, m := range w.takes(3, 0) {
			if !m.retain || m.payload != "kept" {
				t.Errorf("version %d: %+v", version, m)
			}
			seen[m.topic] = m.qos
		}
		if seen["fromb/qos 0"] != 0 || seen["fromb/qos 1"] != 1 || seen["fromb/qos2"] != 2 {
			t.Errorf("version %d: %v", version, seen)
		}
		for topic := range seen {
			w.publishes(packet.Publish{Topic: []byte(topic), Retain: true})
			if m := w.receives(); m.payload != "" {
				t.Errorf("%+v", m)
			}
		}
		again, _, _ := s.plain(version, hello{id: "b"})
		again.granted(2, "fromb/+")
		again.silent()
		w.goodbye()
	}
}

func TestConformanceOfflineQueueing(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		h := hello{id: fmt.Sprint("a", version), resume: true}
		if version == packet.V5 {
			h.props = u32(0x11, 99999)
		}
		w, present, _ := s.plain(version, h)
		if present {
			t.Error("session present")
		}
		w.granted(2, "off/+")
		w.goodbye()
		eventually(t, "it is gone", func() bool { cl, ok := s.b.engine.Clients.Get(h.id); return ok && cl.Closed() })
		p, _, _ := s.plain(version, hello{id: "b"})
		for qos := range byte(3) {
			p.publishes(packet.Publish{Topic: []byte("off/x"), Payload: []byte{'0' + qos}, QoS: qos, ID: uint16(qos)})
		}
		p.goodbye()
		w, present, _ = s.plain(version, h)
		if !present {
			t.Error("no session present")
		}
		for qos := byte(1); qos < 3; qos++ {
			if m := w.receives(); m.qos != qos || m.payload != string('0'+rune(qos)) {
				t.Errorf("version %d: %+v", version, m)
			}
		}
		w.silent()
		w.goodbye()
	}
}

// What was not acknowledged comes again after a reconnect: a PUBLISH as a
// duplicate, a PUBREL as such.
func TestConformanceRedelivery(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		h := hello{id: fmt.Sprint("a", version), resume: true}
		if version == packet.V5 {
			h.props = u32(0x11, 99999)
		}
		w, _, _ := s.plain(version, h)
		w.granted(2, "re/+")
		w.publishes(packet.Publish{Topic: []byte("re/x"), Payload: []byte("1")})
		w.receives()
		p, _, _ := s.plain(version, hello{id: "b"})
		p.publishes(packet.Publish{Topic: []byte("re/x"), Payload: []byte("1"), QoS: 1, ID: 1})
		p.publishes(packet.Publish{Topic: []byte("re/x"), Payload: []byte("2"), QoS: 2, ID: 2})
		p.publishes(packet.Publish{Topic: []byte("re/x"), Payload: []byte("3"), QoS: 2, ID: 3})
		one, two, three := w.message(), w.message(), w.message()
		w.send(packet.AppendPubrec(nil, version, three.id, 0, ""))
		w.want(packet.TypePubrel)
		_ = w.nc.Close()
		eventually(t, "it is gone", func() bool { cl, ok := s.b.engine.Clients.Get(h.id); return ok && cl.Closed() })
		w, _, _ = s.plain(version, h)
		for range 3 {
			switch g := w.next(); g.typ() {
			case packet.TypePubrel:
				if id := binary.BigEndian.Uint16(g.body); id != three.id {
					t.Errorf("PUBREL %d, want %d", id, three.id)
				}
				w.send(packet.AppendPubcomp(nil, version, three.id, 0, ""))
			default:
				m := w.parse(g)
				if !m.dup || m.id != one.id && m.id != two.id {
					t.Errorf("version %d: %+v", version, m)
				}
				if m.qos == 1 {
					w.send(packet.AppendPuback(nil, version, m.id, 0, ""))
				} else {
					w.send(packet.AppendPubrec(nil, version, m.id, 0, ""))
				}
			}
		}
		w.want(packet.TypePubrel)
		w.send(packet.AppendPubcomp(nil, version, two.id, 0, ""))
		w.silent()
		w.goodbye()
	}
}

func TestConformanceSubscribe(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		w, _, _ := s.plain(version, hello{id: "a"})
		if code := w.subscribe(2, "test/nosubscribe")[0]; code != 0x80 {
			t.Errorf("version %d: test/nosubscribe is answered %#x", version, code)
		}
		w.granted(2, "+/#", "over/+", "over/#")
		p, _, _ := s.plain(version, hello{id: "b"})
		p.publishes(packet.Publish{Topic: []byte("over/lapping"), Payload: []byte("x"), QoS: 2, ID: 1})
		if m := w.receives(); m.qos != 2 {
			t.Errorf("overlapping: %+v", m)
		}
		w.silent() // one publication for all of them, as the engine does it
		p.publishes(packet.Publish{Topic: []byte("/slash"), QoS: 0})
		w.receives()
		// Topics that begin with $ are not of the wildcard.
		dollar, _, _ := s.plain(version, hello{id: "c"})
		dollar.publishes(packet.Publish{Topic: []byte("$dollar/x"), QoS: 1, ID: 1})
		w.silent()
		w.goodbye()
	}
}

func TestConformanceClientID(t *testing.T) {
	s := startConformance(t)
	w := s.dial(packet.V311)
	w.send(hello{resume: true}.frame(packet.V311))
	if _, code, _ := w.connack(); code != 2 {
		t.Errorf("an empty client id without clean session: %d, want 2", code)
	}
	s.plain(packet.V311, hello{})
	for _, clean := range []bool{true, false} {
		w, _, props := s.plain(packet.V5, hello{resume: !clean})
		if len(props[0x12]) == 0 {
			t.Error("no assigned client id")
		}
		w.goodbye()
	}
}

func TestConformanceWill(t *testing.T) {
	s := startConformance(t)
	x, _, _ := s.plain(packet.V5, hello{id: "x"})
	x.granted(2, "will")
	user := append(append([]byte{0x26}, append(str("a"), str("2")...)...), append([]byte{0x26}, append(str("c"), str("3")...)...)...)
	w, _, _ := s.plain(packet.V5, hello{id: "w", keepAlive: 1, will: &packet.Will{Topic: "will", Payload: []byte("gone"), QoS: 2, Retain: true}, willProps: user})
	w.ended(packet.CodeKeepAliveTimeout)
	if m := x.receives(); m.payload != "gone" || m.retain || len(m.props[0x26]) == 0 || m.qos != 2 {
		t.Errorf("%+v", m)
	}
	late, _, _ := s.plain(packet.V311, hello{id: "l"})
	late.granted(2, "will")
	if m := late.receives(); m.payload != "gone" || !m.retain {
		t.Errorf("%+v", m)
	}
}

// Properties of publications: format, expiry, content type, response topic,
// correlation data, user properties.
func TestConformanceProperties(t *testing.T) {
	s := startConformance(t)
	h := hello{id: "a", resume: true, props: u32(0x11, 99999)}
	w, _, _ := s.plain(packet.V5, h)
	w.granted(2, "props/+")
	p, _, _ := s.plain(packet.V5, hello{id: "b"})
	props := []byte{0x01, 1}
	props = append(props, u32(0x02, 60)...)
	props = append(append(props, 0x03), str("My name")...)
	props = append(append(props, 0x08), str("props/response")...)
	props = append(append(props, 0x09), str("correlation")...)
	props = append(append(props, 0x26), append(str("a"), str("2")...)...)
	for qos := range byte(3) {
		p.publishes(packet.Publish{Topic: []byte("props/x"), Payload: []byte("x"), QoS: qos, ID: uint16(qos), Props: props})
		m := w.receives()
		if m.props[0x01][0] != 1 || binary.BigEndian.Uint32(m.props[0x02]) > 60 || string(m.props[0x03]) != "My name" ||
			string(m.props[0x08]) != "props/response" || string(m.props[0x09]) != "correlation" || len(m.props[0x26]) == 0 {
			t.Errorf("QoS %d: %v", qos, m.props)
		}
	}
	w.goodbye()
	eventually(t, "it is gone", func() bool { cl, ok := s.b.engine.Clients.Get("a"); return ok && cl.Closed() })
	p.publishes(packet.Publish{Topic: []byte("props/x"), Payload: []byte("short"), QoS: 1, ID: 1, Props: u32(0x02, 1)})
	p.publishes(packet.Publish{Topic: []byte("props/x"), Payload: []byte("long"), QoS: 1, ID: 2, Props: u32(0x02, 60)})
	eventually(t, "one has expired", func() bool { cl, _ := s.b.engine.Clients.Get("a"); return cl.State.Inflight.Len() == 1 })
	w, _, _ = s.plain(packet.V5, h)
	m := w.receives()
	if left := binary.BigEndian.Uint32(m.props[0x02]); m.payload != "long" || left < 30 || left >= 60 {
		t.Errorf("%+v, %d s left", m, left)
	}
	w.silent()
}

// Subscription options and identifiers.
func TestConformanceSubscriptionOptions(t *testing.T) {
	s := startConformance(t)
	w, _, _ := s.plain(packet.V5, hello{id: "a"})
	const noLocal, asPublished = 4, 8
	w.send(subscribeFrame(packet.V5, 1, 2|noLocal, []byte{0x0b, 1}, "opt/local"), subscribeFrame(packet.V5, 2, 2|asPublished, []byte{0x0b, 2}, "opt/kept"))
	w.suback()
	w.suback()
	w.granted(0, "opt/end")
	w.publishes(packet.Publish{Topic: []byte("opt/local"), QoS: 1, ID: 1})
	w.silent()
	p, _, _ := s.plain(packet.V5, hello{id: "b"})
	p.publishes(packet.Publish{Topic: []byte("opt/local"), QoS: 1, ID: 1})
	if m := w.receives(); m.props[0x0b][0] != 1 {
		t.Errorf("%+v", m)
	}
	p.publishes(packet.Publish{Topic: []byte("opt/kept"), Payload: []byte("x"), QoS: 1, ID: 1, Retain: true})
	if m := w.receives(); !m.retain || m.props[0x0b][0] != 2 {
		t.Errorf("%+v", m)
	}
	for _, tt := range []struct {
		handling byte
		want     int
	}{{0, 1}, {1, 0}, {2, 0}, {0, 1}} {
		w.send(subscribeFrame(packet.V5, 3, tt.handling<<4, nil, "opt/kept"))
		w.suback()
		n := w.pending() // then the engine has seen to all that was retained
		s.b.Publish("opt/end", nil, false, 0)
		if n += w.until("opt/end"); n != tt.want {
			t.Errorf("retain handling %d: %d, want %d", tt.handling, n, tt.want)
		}
	}
}

// Flow control, the client's packet size, and topic aliases.
func TestConformanceLimits(t *testing.T) {
	s := startConformance(t)
	w, _, props := s.plain(packet.V5, hello{id: "a", props: append(u16(0x21, 2), u32(0x27, 64)...)})
	if _, ok := props[0x22]; ok {
		t.Errorf("topic alias maximum %v", props[0x22])
	}
	w.granted(2, "limit/+")
	p, _, _ := s.plain(packet.V5, hello{id: "b"})
	for i := range 5 {
		p.publishes(packet.Publish{Topic: []byte("limit/x"), Payload: []byte("x"), QoS: 2, ID: uint16(i + 1)})
	}
	first, second := w.message(), w.message()
	w.silent()
	w.send(packet.AppendPubrec(nil, packet.V5, first.id, 0, ""))
	w.want(packet.TypePubrel)
	w.silent()
	w.send(packet.AppendPubcomp(nil, packet.V5, first.id, 0, ""))
	third := w.message()
	w.silent()
	for _, m := range []message{second, third} {
		w.send(packet.AppendPubrec(nil, packet.V5, m.id, packet.CodeUnspecified, "")) // ends the handshake too
	}
	w.takes(2, 0)
	big := make([]byte, 100)
	p.publishes(packet.Publish{Topic: []byte("limit/x"), Payload: big, QoS: 1, ID: 1})
	p.publishes(packet.Publish{Topic: []byte("limit/x"), Payload: big, QoS: 0})
	p.publishes(packet.Publish{Topic: []byte("limit/x"), Payload: []byte("x"), QoS: 1, ID: 1})
	if m := w.receives(); m.payload != "x" {
		t.Errorf("%+v", m)
	}
	w, _, _ = s.plain(packet.V5, hello{id: "k", keepAlive: 120, props: u16(0x22, 1)})
	w.granted(0, "alias")
	for i := range 3 {
		p.publishes(packet.Publish{Topic: []byte("alias")})
		if m := w.message(); m.topic != "alias"[:len(m.topic)] || (m.topic == "") != (i > 0) || len(m.props[0x23]) != 2 {
			t.Errorf("publication %d with a topic alias: %+v", i, m)
		}
	}
}

// More QoS 2 publishes than the server's Receive Maximum end the connection.
func TestConformanceReceiveMaximum(t *testing.T) {
	s := startConformance(t)
	w, _, props := s.plain(packet.V5, hello{id: "a"})
	most := binary.BigEndian.Uint16(props[0x21])
	go func() {
		for id := range most + 1 {
			_, _ = w.nc.Write(publishFrame(packet.V5, "TopicA", "x", 2, id+1))
		}
	}()
	for id := range most {
		w.acked(packet.TypePubrec, id+1, 0)
	}
	w.ended(packet.CodeReceiveMaximum)
}

// A client that goes on sending after the server has said why it ends the
// connection can still read it.
func TestConformanceDisconnectIsRead(t *testing.T) {
	s := startConformance(t)
	_, ws := s.dialWS(websocket.CompressionDisabled)
	for name, w := range map[string]*wire{"tcp": s.dial(packet.V5), "ws": ws} {
		_, props := w.connect(hello{id: name})
		most := binary.BigEndian.Uint16(props[0x21])
		for id := range most + 1 {
			w.send(publishFrame(packet.V5, "TopicA", "x", 2, id+1))
		}
		for g := w.next(); g.typ() != packet.TypeDisconnect; g = w.next() {
			w.send(append([]byte{packet.TypePubrel<<4 | 2, 2}, g.body[:2]...))
		}
	}
}

// Two threads of a suite read what follows a second CONNECT: only the end of the
// connection is the same for both.
func TestConformanceSecondConnect(t *testing.T) {
	s := startConformance(t)
	for _, version := range versions {
		w, _, _ := s.plain(version, hello{id: "a"})
		w.send(hello{id: "a"}.frame(version)) // twice on one connection
		if g, err := w.read(patience); !errors.Is(err, io.EOF) {
			t.Errorf("version %d: %v, %v, want the end", version, g, err)
		}
	}
}

// The suites publish on one connection right after they have subscribed on
// another.
func TestConformancePublishAfterSubscribe(t *testing.T) {
	s := startConformance(t)
	b, _, _ := s.plain(packet.V5, hello{id: "b"})
	for i := range 20 {
		a, _, _ := s.plain(packet.V5, hello{id: "a"})
		topic := fmt.Sprint("race/", i)
		b.send(subscribeFrame(packet.V5, 1, 0, nil, topic))
		a.send(publishFrame(packet.V5, topic, "x", 1, 1))
		b.want(packet.TypeSuback)
		if m := b.message(); m.topic != topic {
			t.Errorf("%+v", m)
		}
		a.acked(packet.TypePuback, 1, 0)
	}
}

func TestConformanceKeepAlive(t *testing.T) {
	s := startConformance(t)
	if _, _, props := s.plain(packet.V5, hello{id: "a", keepAlive: 120}); len(props[0x13]) != 2 || props[0x13][1] != 60 {
		t.Errorf("server keep-alive % x, want 60", props[0x13])
	}
}

// A DISCONNECT changes the session's expiry.
func TestConformanceDisconnectExpiry(t *testing.T) {
	s := startConformance(t)
	h := hello{id: "a", resume: true, props: u32(0x11, 1)}
	w, _, _ := s.plain(packet.V5, h)
	w.send(frame(packet.TypeDisconnect<<4, append([]byte{0, 5}, u32(0x11, 60)...)))
	w.closed()
	eventually(t, "it is gone", func() bool { return s.b.sessions.connected("a") == nil })
	s.b.sweep(time.Now().Add(30 * time.Second))
	w, present, _ := s.plain(packet.V5, h)
	if !present {
		t.Error("the session ended too early")
	}
	w.send(frame(packet.TypeDisconnect<<4, append([]byte{0, 5}, u32(0x11, 0)...)))
	w.closed()
	if _, present, _ = s.plain(packet.V5, h); present {
		t.Error("the session outlived its end")
	}
}

func TestConformanceSharedAndExpiry(t *testing.T) {
	s := startConformance(t)
	a, _, _ := s.plain(packet.V5, hello{id: "a"})
	b, _, _ := s.plain(packet.V5, hello{id: "b"})
	for _, w := range []*wire{a, b} {
		w.granted(0, "$share/g/shared/x", "shared/x", "shared/end")
	}
	p, _, _ := s.plain(packet.V5, hello{id: "p"})
	p.publishes(packet.Publish{Topic: []byte("shared/x"), QoS: 1, ID: 1})
	p.publishes(packet.Publish{Topic: []byte("shared/end")})
	if n := a.until("shared/end") + b.until("shared/end"); n != 2 && n != 3 {
		t.Errorf("%d deliveries, want 2 or 3", n)
	}
	w, _, _ := s.plain(packet.V5, hello{id: "e", props: u32(0x11, 1)})
	w.goodbye()
	if _, present, _ := s.plain(packet.V5, hello{id: "e", resume: true, props: u32(0x11, 1)}); !present {
		t.Error("the session ended too early")
	}
	w, _, _ = s.plain(packet.V5, hello{id: "f", props: u32(0x11, 1)})
	w.goodbye()
	eventually(t, "the session is gone", func() bool { _, ok := s.b.engine.Clients.Get("f"); return !ok })
	if _, present, _ := s.plain(packet.V5, hello{id: "f", resume: true}); present {
		t.Error("the session outlived its expiry")
	}
}

// Anybody may speak over WebSocket too.
func TestConformanceWebSocket(t *testing.T) {
	s := startConformance(t)
	_, w := s.dialWS(websocket.CompressionDisabled)
	w.connect(hello{id: "ws", keepAlive: 2})
	w.granted(2, "TopicA")
	w.publishes(packet.Publish{Topic: []byte("TopicA/C")})
	began := time.Now()
	if g, err := w.read(10 * time.Second); err == nil && g.typ() != packet.TypeDisconnect {
		t.Errorf("got %v", g)
	}
	if d := time.Since(began); d < 2*time.Second {
		t.Errorf("keep-alive 2 s ended after %v", d)
	}
}
