package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

const noSubscription = 0x11 // UNSUBACK: no subscription existed

func TestSubscribeRights(t *testing.T) {
	s := start(t)
	driver, dispatcher := s.driver("d1"), s.dispatcher("x1")
	operator := s.token(fleet.RoleOperator, "*", "o1")
	for _, tt := range []struct {
		id, token, filter string
		code              byte
	}{
		{"d1", driver, d1 + "#", 0},
		{"d1", driver, d1 + "commands", 1},
		{"d1", driver, "fleet/acme/broadcast", 1},
		{"d1", driver, "fleet/acme/drivers/d2/#", 0x87},
		{"d1", driver, "fleet/acme/drivers/+/commands", 0x87},
		{"d1", driver, "fleet/acme/live", 0x87},
		{"d1", driver, "#", 0x87},
		{"x1", dispatcher, "fleet/acme/#", 0},
		{"x1", dispatcher, "fleet/acme/drivers/+/location", 0},
		{"x1", dispatcher, "fleet/acme/live", 0},
		{"x1", dispatcher, "fleet/acme/shipments/+", 1},
		{"x1", dispatcher, "$share/g/fleet/acme/shipments/+", 1},
		{"x1", dispatcher, "$SHARE/g/fleet/acme/shipments/+", 1},
		{"x1", dispatcher, "fleet/+/drivers/#", 0x87},
		{"x1", dispatcher, "fleet/acme2/#", 0x87},
		{"x1", dispatcher, "fleet/#", 0x87},
		{"x1", dispatcher, "+/acme/#", 0x87},
		{"x1", dispatcher, "$share/g/fleet/other/#", 0x87},
		{"x1", dispatcher, "$Share/g/#", 0x87},
		{"x1", dispatcher, "$SYS/#", 0x87},
		{"x1", dispatcher, "$share/g/$SYS/#", 0x87},
		{"o1", operator, "$SYS/#", 1},
		{"o1", operator, "fleet/#", 0},
		{"o1", operator, "#", 0x87},
		{"x1", dispatcher, "fleet/acme/" + strings.Repeat("a/", 13) + "a", 1},
		{"x1", dispatcher, "fleet/acme/" + strings.Repeat("a/", 14) + "a", 0x8f}, // 17 levels
		{"x1", dispatcher, "fleet/acme/" + strings.Repeat("a", 245), 1},
		{"x1", dispatcher, "fleet/acme/" + strings.Repeat("a", 246), 0x8f}, // 257 bytes
	} {
		for _, version := range versions {
			want := tt.code
			if version == packet.V311 {
				want = min(want, 0x80)
			}
			if code := s.client(version, tt.id, tt.token).subscribe(1, tt.filter)[0]; code != want {
				t.Errorf("version %d, %s asks for %s: %#x, want %#x", version, tt.id, tt.filter, code, want)
			}
		}
	}
}

// What is granted is granted, whatever else the SUBSCRIBE asks for; and what is
// refused is not delivered.
func TestSubscribeMixed(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	codes := w.subscribe(1, "fleet/other/#", "fleet/acme/broadcast", "$share/g/fleet/acme/alerts/+", "fleet/+/#")
	if fmt.Sprintf("%x", codes) != "87010187" {
		t.Errorf("SUBACK %x", codes)
	}
	s.b.Publish("fleet/other/broadcast", []byte("1"), false, 1)
	s.b.Publish("fleet/acme/broadcast", []byte("2"), false, 1)
	s.b.Publish("fleet/acme/alerts/speed", []byte("3"), false, 1)
	if a, b := w.ack(), w.ack(); a.payload+b.payload != "23" {
		t.Errorf("delivered %s and %s", a.payload, b.payload)
	}
	other := s.client(packet.V5, "x2", s.dispatcher("x2"))
	other.granted(1, "fleet/acme/broadcast", "fleet/acme/another")
	w.send(unsubscribeFrame(packet.V5, 9, "fleet/acme/broadcast", "fleet/acme/nothing", "$share/g/fleet/acme/alerts/+",
		"fleet/acme/broadcast", "fleet/acme/another")) // one that is gone already, and another client's
	if g := w.want(packet.TypeUnsuback); fmt.Sprintf("%x", g.body) != "000900"+"00"+"11"+"00"+"11"+"11" {
		t.Errorf("UNSUBACK %v", g)
	}
	s.b.Publish("fleet/acme/broadcast", []byte("4"), false, 1)
	w.silent()
}

func TestSubscriptionsLimit(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	for i := range 64 {
		w.granted(0, fmt.Sprintf("fleet/acme/shipments/s%d", i))
	}
	if code := w.subscribe(0, "fleet/acme/shipments/more")[0]; code != packet.CodeQuotaExceeded {
		t.Errorf("the 65th: %#x, want 0x97", code)
	}
	w.granted(0, "fleet/acme/shipments/s0") // it is there already
	w.send(unsubscribeFrame(packet.V5, 99, "fleet/acme/shipments/s62", "fleet/acme/shipments/s63"))
	w.want(packet.TypeUnsuback)
	// What is there already, or is named twice, counts once.
	w.granted(0, "fleet/acme/shipments/s0", "fleet/acme/shipments/s1", "fleet/acme/shipments/a", "fleet/acme/shipments/a", "fleet/acme/shipments/b")
	if code := w.subscribe(0, "fleet/acme/shipments/more")[0]; code != packet.CodeQuotaExceeded {
		t.Errorf("the 65th again: %#x, want 0x97", code)
	}
}

// The engine's topic parsing is quadratic in the levels and holds a lock.
func TestDeepFiltersHoldUpNobody(t *testing.T) {
	s := start(t)
	w, other := s.client(packet.V5, "x1", s.dispatcher("x1")), s.client(packet.V5, "x2", s.dispatcher("x2"))
	deep := "fleet/acme/" + strings.Repeat("/", 60_000)
	began := time.Now()
	if code := w.subscribe(0, deep)[0]; code != packet.CodeFilterInvalid {
		t.Errorf("60,000 levels: %#x", code)
	}
	w.send(unsubscribeFrame(packet.V5, 5, deep))
	if g := w.want(packet.TypeUnsuback); g.body[3] != noSubscription {
		t.Errorf("UNSUBACK %v", g)
	}
	other.granted(0, "fleet/acme/#")
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// A delivery while its subscriber subscribes to something else is not lost.
func TestSubscribingWhileReceiving(t *testing.T) {
	const n = 500
	s := start(t)
	w := s.client(packet.V5, "x1", s.dispatcher("x1"))
	w.granted(1, "fleet/acme/broadcast")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range n {
			s.b.Publish("fleet/acme/broadcast", fmt.Append(nil, i), false, 1)
		}
	}()
	go func() {
		for i := range n {
			_, _ = w.nc.Write(subscribeFrame(packet.V5, uint16(i%60000+1), 0, nil, "fleet/acme/alerts/+", "fleet/other/#"))
		}
	}()
	next := 0
	for acks := 0; acks < n || next < n; {
		switch g := w.next(); g.typ() {
		case packet.TypeSuback:
			acks++
		case packet.TypePublish:
			m := w.parse(g)
			if m.payload != fmt.Sprint(next) {
				t.Fatalf("delivery %d is %s", next, m.payload)
			}
			next++
			w.send(packet.AppendPuback(nil, packet.V5, m.id, 0, ""))
		}
	}
	<-done
}

// A shared subscription goes to one of those who are there.
func TestSharedSubscription(t *testing.T) {
	s := start(t)
	const filter = "$share/g/fleet/acme/alerts/+"
	gone := s.dial(packet.V5)
	gone.connect(hello{id: "x0", password: s.dispatcher("x0"), props: u32(0x11, 3600)})
	gone.granted(1, filter, "$share/g/fleet/acme/drivers/+/location")
	_ = gone.nc.Close()
	eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/x0") == nil })
	a, b := s.client(packet.V5, "x1", s.dispatcher("x1")), s.client(packet.V5, "x2", s.dispatcher("x2"))
	for _, w := range []*wire{a, b} {
		w.granted(0, filter, "$share/g/fleet/acme/drivers/+/location", "fleet/acme/broadcast")
	}
	w := s.client(packet.V5, "d1", s.driver("d1"))
	for i := range 50 {
		s.b.Publish("fleet/acme/alerts/speed", fmt.Append(nil, i), false, 1)
		w.publish(d1+"location", fix(i), 1, uint16(i+1))
		w.acked(packet.TypePuback, uint16(i+1), 0)
	}
	s.b.Publish("fleet/acme/broadcast", nil, false, 0)
	if n, m := a.until("fleet/acme/broadcast"), b.until("fleet/acme/broadcast"); n+m != 100 || n == 0 || m == 0 {
		t.Errorf("%d and %d of 100 delivered", n, m)
	}
}

// Each member of a group has its part of the work.
func TestSharesAreFair(t *testing.T) {
	s := start(t)
	var members []*wire
	for i := range 3 {
		id := fmt.Sprintf("x%d", i)
		w := s.client(packet.V5, id, s.dispatcher(id))
		w.granted(0, "$share/g/fleet/acme/alerts/+", "fleet/acme/broadcast")
		members = append(members, w)
	}
	for i := range 300 {
		s.b.Publish("fleet/acme/alerts/speed", fmt.Append(nil, i), false, 1)
	}
	s.b.Publish("fleet/acme/broadcast", nil, false, 0)
	for i, w := range members {
		if n := w.until("fleet/acme/broadcast"); n < 60 || n > 140 {
			t.Errorf("member %d has %d of 300", i, n)
		}
	}
}

// until counts the publications that come before the one on topic.
func (w *wire) until(topic string) (n int) {
	w.t.Helper()
	for w.message().topic != topic {
		n++
	}
	return n
}

// pending counts the publications that come before the answer to a ping.
func (w *wire) pending() (n int) {
	w.t.Helper()
	w.send(pingreq)
	for w.next().typ() == packet.TypePublish {
		n++
	}
	return n
}

// A session that is taken over ends the old connection and keeps what it had.
func TestTakeOver(t *testing.T) {
	s := start(t)
	for _, version := range versions {
		h := hello{id: "d1", password: s.driver("d1"), resume: true, keepAlive: 60}
		if version == packet.V5 {
			h.props = u32(0x11, 3600)
		}
		old := s.dial(version)
		old.connect(h)
		old.granted(1, "fleet/acme/broadcast", d1+"location")
		w := s.dial(version)
		if present, _ := w.connect(h); !present {
			t.Errorf("version %d: no session present", version)
		}
		old.ended(packet.CodeTakenOver)
		s.b.Publish("fleet/acme/broadcast", []byte("x"), false, 1)
		if m := w.ack(); m.payload != "x" {
			t.Errorf("version %d: %+v", version, m)
		}
		w.publish(d1+"location", fix(1), 1, 5)
		if w.next().typ()+w.next().typ() != packet.TypePublish+packet.TypePuback {
			t.Errorf("version %d: the live lane lost a session that was taken over", version)
		}
		h.resume = false
		w2 := s.dial(version)
		if present, _ := w2.connect(h); present {
			t.Errorf("version %d: a clean start found a session", version)
		}
		w.ended(packet.CodeTakenOver)
		s.b.Publish("fleet/acme/broadcast", []byte("x"), false, 1)
		w2.silent()
		w2.send([]byte{packet.TypeDisconnect << 4, 0})
		w2.closed()
	}
}

// What is too large for a client counts as delivered, also in a session that is
// resumed; the engine alone keeps it and locks the client out.
func TestTooLargeForTheClient(t *testing.T) {
	s := start(t)
	h := park(t, s, packet.V5, 1)
	s.b.Publish(d1+"commands", make([]byte, 500), false, 1)
	s.b.Publish(d1+"commands", []byte("small"), false, 1)
	h.props = append(h.props, u32(0x27, 200)...)
	for range 2 {
		w := s.dial(packet.V5)
		w.connect(h)
		if a, b := w.message(), w.message(); a.payload != "0" || b.payload != "small" {
			t.Errorf("delivered %+v and %+v", a, b)
		}
		s.b.Publish(d1+"commands", make([]byte, 500), false, 1)
		w.silent()
		_ = w.nc.Close()
		eventually(t, "it is gone", func() bool { return s.b.sessions.connected("acme/d1") == nil })
	}
	cl, _ := s.b.engine.Clients.Get("acme/d1")
	eventually(t, "two are open", func() bool { return cl.State.Inflight.Len() == 2 })
}

// A clean session of 3.1.1 leaves no packet id behind, also when taken over.
func TestCleanSessionLeavesNoPacketIDs(t *testing.T) {
	m := newMemoryStream()
	s := startOn(t, m)
	old := s.client(packet.V311, "d1", s.driver("d1"))
	old.publish(d1+"location", fix(1), 2, 7)
	m.next(t).answer(nil)
	old.acked(packet.TypePubrec, 7, 0)
	w := s.dial(packet.V311)
	if present, _ := w.connect(hello{id: "d1", password: s.driver("d1"), resume: true}); present {
		t.Error("a clean session was resumed")
	}
	w.publish(d1+"location", fix(2), 2, 7)
	if r := m.next(t); said(r.Publication) != fix(2) {
		t.Errorf("appended %s", r.Payload)
	}
}

// The session ends at a DISCONNECT that says so.
func TestDisconnectEndsTheSession(t *testing.T) {
	s := start(t)
	w := s.dial(packet.V5)
	w.connect(hello{id: "d1", password: s.driver("d1"), props: u32(0x11, 3600)})
	w.granted(1, d1+"commands")
	w.send(frame(packet.TypeDisconnect<<4, append([]byte{0, 5}, u32(0x11, 0)...)))
	w.closed()
	eventually(t, "nothing is left", func() bool {
		_, ok := s.b.engine.Clients.Get("acme/d1")
		return !ok && len(s.b.engine.Topics.Subscribers(d1+"commands").Subscriptions) == 0
	})
	w = s.dial(packet.V5)
	w.connect(hello{id: "d1", password: s.driver("d1")})
	w.send(frame(packet.TypeDisconnect<<4, append([]byte{0, 5}, u32(0x11, 60)...)))
	w.ended(packet.CodeProtocolError)
}

func TestTokenExpiry(t *testing.T) {
	s := start(t)
	for _, version := range versions {
		x := s.client(packet.V5, "x1", s.dispatcher("x1"))
		x.granted(0, d1+"duty")
		token := s.token(fleet.RoleDriver, "acme", "d1", func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(1500 * time.Millisecond) })
		w := s.dial(version)
		w.connect(hello{id: "d1", password: token, will: &packet.Will{Topic: d1 + "duty", Payload: []byte(`{"state":"off"}`)}})
		w.granted(0, "fleet/acme/broadcast")
		w.ended(packet.CodeNotAuthorized)
		if m := x.message(); m.payload != `{"state":"off"}` {
			t.Errorf("version %d: will %+v", version, m)
		}
		s.b.Publish("fleet/acme/broadcast", []byte("x"), false, 0)
	}
}

func TestRenewal(t *testing.T) {
	s := start(t)
	short := func(sub string) string {
		return s.token(fleet.RoleDriver, "acme", sub, func(c *auth.Claims) { c.ExpiresAt = time.Now().Add(2 * time.Second) })
	}
	w := s.dial(packet.V5)
	began := time.Now()
	w.connect(hello{id: "d1", password: short("d1"), keepAlive: 60})
	w.send(authFrame("JWT", s.driver("d1")))
	if g := w.want(packet.TypeAuth); len(g.body) > 0 && g.body[0] != 0 {
		t.Errorf("AUTH %v", g)
	}
	if g, err := w.read(time.Until(began.Add(2500 * time.Millisecond))); err == nil || !isTimeout(err) {
		t.Errorf("the former token ended the connection: %v %v", g, err)
	}
	w.silent()

	for _, tt := range []struct {
		frame []byte
		code  byte
	}{
		{authFrame("JWT", s.driver("d2")), packet.CodeNotAuthorized},
		{authFrame("JWT", s.token(fleet.RoleDriver, "other", "d1")), packet.CodeNotAuthorized},
		{authFrame("JWT", "nonsense"), packet.CodeNotAuthorized},
		{authFrame("SCRAM", s.driver("d1")), packet.CodeBadAuthMethod},
	} {
		w := s.client(packet.V5, "d1", s.driver("d1"))
		w.send(tt.frame)
		w.ended(tt.code)
	}
	// The token may come by enhanced authentication from the start.
	w = s.dial(packet.V5)
	props := append(append([]byte{0x15}, str("JWT")...), append([]byte{0x16}, str(s.driver("d1"))...)...)
	if _, have := w.connect(hello{id: "d1", props: props}); string(have[0x15]) != "JWT" {
		t.Errorf("CONNACK properties %v", have)
	}
}

func TestRevocation(t *testing.T) {
	s := start(t)
	one := &auth.Claims{Subject: "d1", Fleet: "acme", Role: fleet.RoleDriver, ExpiresAt: time.Now().Add(time.Hour)}
	token, err := s.minter.Mint(one)
	if err != nil {
		t.Fatal(err)
	}
	w := s.client(packet.V5, "d1", token)
	other := s.client(packet.V311, "d2", s.driver("d2"))
	s.revocations.Add(fleet.Revocation{ID: 1, Fleet: "acme", JTI: one.ID, ExpiresAt: one.ExpiresAt})
	w.ended(packet.CodeNotAuthorized)
	other.silent()
	s.revocations.Add(fleet.Revocation{ID: 2, Fleet: "acme", Subject: "d2", Before: time.Now(), ExpiresAt: one.ExpiresAt})
	other.closed()
}

func TestWills(t *testing.T) {
	const off = `{"state":"off"}`
	log := openStream(t)
	s := startOn(t, log)
	x := s.client(packet.V5, "x1", s.dispatcher("x1"))
	x.granted(1, d1+"duty")
	connect := func(delay, expiry uint32) *wire {
		w := s.dial(packet.V5)
		w.connect(hello{
			id: "d1", password: s.driver("d1"), props: u32(0x11, expiry), resume: true,
			will: &packet.Will{Topic: d1 + "duty", Payload: []byte(off), QoS: 1}, willProps: append(u32(0x18, delay), append([]byte{0x03}, str("application/json")...)...),
		})
		return w
	}
	told := func(what string) {
		t.Helper()
		if m := x.ack(); m.payload != off || string(m.props[0x03]) != "application/json" {
			t.Errorf("%s: %+v", what, m)
		}
	}
	_ = connect(0, 0).nc.Close()
	told("at a lost connection")

	w := connect(0, 0)
	w.send([]byte{packet.TypeDisconnect << 4, 0})
	w.closed()
	x.silent() // a clean DISCONNECT takes it back

	w = connect(0, 0)
	w.send([]byte{packet.TypeDisconnect << 4, 1, packet.CodeDisconnectWithWill})
	told("at a DISCONNECT with will")

	w = connect(0, 0)
	w.send([]byte{packet.TypeDisconnect << 4, 1, packet.CodeUnspecified})
	told("at a DISCONNECT that is not a normal one")

	_ = connect(3600, 1).nc.Close()
	told("at the end of the session, before its delay")

	_ = connect(1, 3600).nc.Close()
	told("after its delay")

	_ = connect(1, 3600).nc.Close()
	eventually(t, "the will waits", func() bool {
		s.b.sessions.mu.Lock()
		defer s.b.sessions.mu.Unlock()
		return s.b.sessions.all["acme/d1"].will != nil
	})
	w = connect(3600, 3600) // who is back in time has not died
	if g, err := x.read(1500 * time.Millisecond); err == nil {
		t.Errorf("a will that was taken back: %v", g)
	}
	// A session that a clean start replaces has ended.
	clean := s.client(packet.V5, "d1", s.driver("d1"))
	w.ended(packet.CodeTakenOver)
	told("at a clean start")
	clean.silent()
	if records := drain(t, log, 6); len(records) != 6 {
		t.Errorf("%d wills are durable, want 6", len(records))
	}
}

func TestClientsAndDisconnect(t *testing.T) {
	s := start(t)
	w := s.client(packet.V5, "d1:phone", s.driver("d1"))
	s.client(packet.V311, "x1", s.token(fleet.RoleDispatcher, "other", "x1"))
	w.publish(d1+"location", fix(1), 1, 1)
	w.acked(packet.TypePuback, 1, 0)
	list := s.b.Clients("acme")
	if len(list) != 1 || list[0].ID != "d1:phone" || list[0].Subject != "d1" || list[0].Protocol != "5" || list[0].Received != 1 ||
		list[0].Address != w.nc.LocalAddr().String() || time.Since(list[0].ConnectedAt) > time.Minute {
		t.Errorf("clients %+v", list)
	}
	if err := s.b.Disconnect("acme", "x1"); err != fleet.ErrNotFound {
		t.Errorf("another fleet's client: %v", err)
	}
	if err := s.b.Disconnect("acme", "d1:phone"); err != nil {
		t.Error(err)
	}
	w.ended(packet.CodeAdministrative)
}

// A client that calls itself something else each time leaves a bounded number of
// sessions behind; who is connected, and other subjects, lose nothing.
func TestSessionsOfOneSubject(t *testing.T) {
	s := start(t)
	token := s.driver("d1")
	h := func(id, token string) hello {
		return hello{id: id, password: token, resume: true, keepAlive: 60, props: u32(0x11, 3600)}
	}
	leave := func(id, token string) {
		w := s.dial(packet.V5)
		w.connect(h(id, token))
		w.granted(1, "fleet/acme/broadcast")
		_ = w.nc.Close()
		s.gone(t, id)
	}
	stays := s.dial(packet.V5)
	stays.connect(h("d1:stays", token))
	leave("d2", s.driver("d2"))
	for i := range maxSessions + 10 {
		leave(fmt.Sprintf("d1:%d", i), token)
	}
	eventually(t, "the oldest have ended", func() bool {
		s.b.sessions.mu.Lock()
		defer s.b.sessions.mu.Unlock()
		return len(s.b.sessions.all) == maxSessions+1
	})
	if n := len(s.b.engine.Topics.Subscribers("fleet/acme/broadcast").Subscriptions); n != maxSessions {
		t.Errorf("%d subscriptions are left, want %d", n, maxSessions)
	}
	stays.silent()
	for id, want := range map[string]bool{"d1:0": false, fmt.Sprintf("d1:%d", maxSessions+9): true} {
		if present, _ := s.dial(packet.V5).connect(h(id, token)); present != want {
			t.Errorf("session %s present: %v", id, present)
		}
	}
	if present, _ := s.dial(packet.V5).connect(h("d2", s.driver("d2"))); !present {
		t.Error("another driver's session is gone")
	}
}
