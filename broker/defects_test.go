package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// The defects of the engine, by the numbers under which they were found: each
// is contained, and where it is cheap the engine alone is shown to have it.

const healths = "fleet/acme/drivers/+/health"

func healthTopic(driver string) string { return "fleet/acme/drivers/" + driver + "/health" }

func health(n int) string {
	return fmt.Sprintf(`{"at":%d,"battery_pct":50,"queue_depth":%d}`, time.Now().UnixMilli(), n)
}

// ack takes the next QoS 1 publication and acknowledges it.
func (w *wire) ack() message {
	w.t.Helper()
	m := w.message()
	w.send(packet.AppendPuback(nil, w.version, m.id, 0, ""))
	return m
}

// An MQTT 5 subscriber with a Receive Maximum deadlocks the engine.
func TestD01ReceiveMaximumDoesNotDeadlock(t *testing.T) {
	s := start(t)
	sub := s.dial(packet.V5)
	sub.connect(hello{id: "x1", password: s.dispatcher("x1"), props: u16(0x21, 500)})
	sub.granted(1, healths)
	var drivers []*wire
	for i := range 4 {
		id := fmt.Sprintf("d%d", i)
		drivers = append(drivers, s.client(packet.V5, id, s.driver(id)))
	}
	for range 5 {
		var g errgroup.Group
		for i, d := range drivers {
			g.Go(func() error {
				for n := range 200 {
					d.publish(healthTopic(fmt.Sprintf("d%d", i)), health(n), 1, uint16(n+1))
				}
				for n := range 200 {
					d.acked(packet.TypePuback, uint16(n+1), 0)
				}
				return nil
			})
		}
		for range 800 {
			sub.ack()
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	sub.silent()
}

// stall makes a client that asks for QoS 1 and never reads again.
func stall(w *wire) {
	_ = w.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
}

func TestD02StalledSubscriberFreezesNobody(t *testing.T) {
	const n, size = 4000, 3 << 10
	fill := `"` + strings.Repeat("x", size) + `"`
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		stalled := b.client(packet.V311, "stalled")
		stall(stalled)
		stalled.granted(1, "a")
		p := b.client(packet.V311, "p")
		go func() {
			for i := range n {
				_ = p.nc.SetWriteDeadline(time.Now().Add(5 * time.Second))
				if _, err := p.nc.Write(publishFrame(packet.V311, "a", fill, 1, uint16(i+1))); err != nil {
					return
				}
			}
		}()
		acks := 0
		for ; acks < n; acks++ {
			if _, err := p.read(time.Second); err != nil {
				break
			}
		}
		if acks == n {
			t.Error("the engine alone does not freeze: the test shows nothing")
		}
	})
	s := start(t)
	stalled := s.client(packet.V5, "x1", s.dispatcher("x1"))
	stall(stalled)
	stalled.granted(1, healths)
	healthy := s.client(packet.V5, "x2", s.dispatcher("x2"))
	healthy.granted(1, healths)
	p := s.client(packet.V5, "d1", s.driver("d1"))
	go func() {
		for i := range n {
			_, _ = p.nc.Write(publishFrame(packet.V5, healthTopic("d1"), `{"at":1700000000000,"note":`+fill+`}`, 1, uint16(i+1)))
		}
	}()
	go func() {
		for range n {
			m, err := healthy.read(patience)
			if err != nil {
				return
			}
			_, _ = healthy.nc.Write(packet.AppendPuback(nil, packet.V5, healthy.parse(m).id, 0, ""))
		}
	}()
	began := time.Now()
	for i := range n {
		p.acked(packet.TypePuback, uint16(i+1), 0)
	}
	if d := time.Since(began); d > patience {
		t.Errorf("%d publishes took %v beside a stalled subscriber", n, d)
	}
	if c := s.b.sessions.connected("acme/x1"); c != nil && c.out.queued() > 2<<20 {
		t.Errorf("%d bytes wait for the stalled one", c.out.queued())
	}
}

func TestD03SubscribeWithoutOptions(t *testing.T) {
	bad := frame(packet.TypeSubscribe<<4|2, []byte{0, 1, 0, 0, 1, 'a'})
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		b.client(packet.V5, "c").send(bad)
		select {
		case <-b.panics:
		case <-time.After(patience):
			t.Error("the engine alone does not panic: the test shows nothing")
		}
	})
	s := start(t)
	w, other := s.client(packet.V5, "d1", s.driver("d1")), s.client(packet.V5, "d2", s.driver("d2"))
	w.send(bad)
	w.ended(packet.CodeMalformed)
	other.silent()
}

// What the stream does not take is neither acknowledged nor shown.
func TestD04FailingStreamFailsClosed(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t, &onPublish{err: errors.New("the disk is gone")})
		w := b.client(packet.V311, "c")
		w.publish("a", "x", 1, 1)
		w.acked(packet.TypePuback, 1, 0) // it fails open
	})
	for _, version := range []byte{packet.V311, packet.V5} {
		for qos := range byte(3) {
			m := newMemoryStream()
			m.refuse = func(fleet.Publication) error { return errors.New("the disk is gone") }
			s := startOn(t, m)
			x := s.client(packet.V5, "x1", s.dispatcher("x1"))
			x.granted(1, "fleet/acme/#")
			x.silent()
			w := s.dial(version)
			w.connect(hello{id: "d1", password: s.driver("d1")})
			x.message() // presence
			w.publish("fleet/acme/drivers/d1/location", fix(1), qos, uint16(qos))
			w.ended(packet.CodeUnspecified)
			x.message() // presence
			x.silent()
		}
	}
}

// An error that comes with the answer of the stream, and how full streams are
// told.
func TestD05FailedAppends(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t, &onPublish{err: fmt.Errorf("wrapped: %w", packets.ErrQuotaExceeded)})
		b.client(packet.V5, "c").publish("a", "x", 1, 1)
		select {
		case <-b.panics:
		case <-time.After(patience):
			t.Error("the engine alone does not panic: the test shows nothing")
		}
	})
	for err, code := range map[error]byte{
		fmt.Errorf("wrapped: %w", fleet.ErrFull): packet.CodeQuotaExceeded,
		errors.New("no quorum"):                  packet.CodeUnspecified,
	} {
		for _, version := range []byte{packet.V311, packet.V5} {
			m := newMemoryStream()
			s := startOn(t, m)
			w := s.client(version, "d1", s.driver("d1"))
			w.publish("fleet/acme/drivers/d1/location", fix(1), 1, 1)
			w.publish("fleet/acme/drivers/d1/location", fix(2), 1, 2)
			first, second := m.next(t), m.next(t)
			first.answer(err)
			second.answer(nil) // it may not be acknowledged before the first
			w.ended(code)
		}
	}
}

func TestD06SendQuotaDoesNotLeak(t *testing.T) {
	const n = 200
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		sub := b.dial(packet.V5)
		sub.connect(hello{id: "sub", props: u16(0x21, 10)})
		sub.granted(1, "a")
		for range n {
			if err := b.Publish("a", []byte("x"), false, 1); err != nil {
				t.Fatal(err)
			}
		}
		count := 0
		for ; count < n; count++ {
			g, err := sub.read(time.Second)
			if err != nil {
				break
			}
			sub.send(packet.AppendPuback(nil, packet.V5, sub.parse(g).id, 0, ""))
		}
		if count == n {
			t.Error("the engine alone delivers all: the test shows nothing")
		}
	})
	s := start(t)
	sub := s.dial(packet.V5)
	sub.connect(hello{id: "x1", password: s.dispatcher("x1"), props: u16(0x21, 10)})
	sub.granted(1, "fleet/acme/alerts/+")
	for i := range n {
		s.b.Publish("fleet/acme/alerts/speed", fmt.Append(nil, i), false, 1)
	}
	var open []uint16
	for range 10 {
		open = append(open, sub.message().id)
	}
	sub.silent() // no more than its Receive Maximum
	for i := 10; i < n; i++ {
		sub.send(packet.AppendPuback(nil, packet.V5, open[0], 0, ""))
		m := sub.message()
		if m.payload != fmt.Sprint(i) {
			t.Fatalf("delivery %d is %s", i, m.payload)
		}
		open = append(open[1:], m.id)
	}
}

func TestD07WillsObeyTheRules(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V5)
		w.connect(hello{id: "c", will: &packet.Will{Topic: "$SYS/broker/evil", Payload: []byte("x")}})
	})
	s := start(t)
	for _, topic := range []string{
		"forbidden/x", "$SYS/broker/evil", "fleet/acme/drivers/d2/health", "fleet/other/drivers/d1/health", "fleet/acme/live",
	} {
		for version, want := range map[byte]byte{packet.V5: 0x87, packet.V311: 5} {
			w := s.dial(version)
			w.send(hello{id: "d1", password: s.driver("d1"), will: &packet.Will{Topic: topic, Payload: []byte("x")}}.frame(version))
			if _, code, _ := w.connack(); code != want {
				t.Errorf("version %d, will on %s: CONNACK %#x, want %#x", version, topic, code, want)
			}
			w.closed()
		}
	}
	w := s.dial(packet.V5)
	w.send(hello{id: "d1", password: s.driver("d1"), will: &packet.Will{Topic: "bad/+/#", Payload: []byte("x")}}.frame(packet.V5))
	if _, code, _ := w.connack(); code < 0x80 {
		t.Error("a will on a wildcard is taken")
	}
}

func TestD08SessionsBelongToTheirSubject(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		alice := b.dial(packet.V311)
		alice.connect(hello{id: "c", resume: true})
		alice.granted(1, "secret")
		_ = alice.nc.Close()
		eventually(t, "she is gone", func() bool { cl, ok := b.Clients.Get("c"); return ok && cl.Closed() })
		if err := b.Publish("secret", []byte("hers"), false, 1); err != nil {
			t.Fatal(err)
		}
		mallory := b.dial(packet.V311)
		if present, _ := mallory.connect(hello{id: "c", resume: true}); !present {
			t.Error("the engine alone keeps sessions apart: the test shows nothing")
		}
		mallory.message()
	})
	s := start(t)
	alice := s.dial(packet.V311)
	alice.connect(hello{id: "d1", password: s.driver("d1"), resume: true})
	alice.granted(1, "fleet/acme/drivers/d1/#")
	_ = alice.nc.Close()
	eventually(t, "she is gone", func() bool { return s.b.sessions.connected("acme/d1") == nil })
	s.b.Publish("fleet/acme/drivers/d1/commands", []byte("hers"), false, 1)

	mallory := s.dial(packet.V311)
	mallory.send(hello{id: "d1", password: s.driver("mallory"), resume: true}.frame(packet.V311))
	if _, code, _ := mallory.connack(); code != 2 {
		t.Errorf("another driver's session: CONNACK %d, want 2", code)
	}
	// The same id with another role does not inherit what that role may not have.
	dispatcher := s.dial(packet.V311)
	if present, _ := dispatcher.connect(hello{id: "d1", password: s.dispatcher("d1"), resume: true}); present {
		t.Error("a dispatcher resumed a driver's session")
	}
	dispatcher.silent()
}

func TestD09ExpiredSessionsLeaveNothing(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V5)
		w.connect(hello{id: "c", props: u32(0x11, 1)})
		w.granted(1, "a")
		_ = w.nc.Close()
		eventually(t, "the client is removed", func() bool { _, ok := b.Clients.Get("c"); return !ok })
		if len(b.Topics.Subscribers("a").Subscriptions) == 0 {
			t.Error("the engine alone removes subscriptions: the test shows nothing")
		}
	})
	s := start(t)
	const topic = "fleet/acme/drivers/d1/commands"
	w := s.dial(packet.V5)
	w.connect(hello{id: "d1", password: s.driver("d1"), props: u32(0x11, 1)})
	w.granted(1, topic)
	w.granted(1, "$share/g/fleet/acme/broadcast")
	_ = w.nc.Close()
	eventually(t, "the session is removed", func() bool {
		_, ok := s.b.engine.Clients.Get("acme/d1")
		subs, shared := s.b.engine.Topics.Subscribers(topic), s.b.engine.Topics.Subscribers("fleet/acme/broadcast")
		return !ok && len(subs.Subscriptions)+len(shared.Shared) == 0
	})
	again := s.client(packet.V5, "d1", s.driver("d1"))
	s.b.Publish(topic, []byte("x"), false, 1)
	again.silent()
}

func TestD10ConcurrentConnectsOfOneID(t *testing.T) {
	s := start(t)
	token := s.driver("d1")
	for round := range 50 {
		var g errgroup.Group
		clients := make([]*wire, 8)
		for i := range clients {
			clients[i] = s.dial(packet.V5)
		}
		for _, w := range clients {
			g.Go(func() error {
				_, err := w.nc.Write(hello{id: "d1", password: token, keepAlive: 60}.frame(packet.V5))
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for _, w := range clients {
			if _, code, _ := w.connack(); code != 0 {
				t.Fatalf("round %d: CONNACK %#x", round, code)
			}
		}
		live := make(chan *wire, len(clients))
		for _, w := range clients {
			g.Go(func() error {
				_, _ = w.nc.Write(pingreq)
				for {
					g, err := w.read(patience)
					switch {
					case err != nil:
						return nil
					case g.typ() == packet.TypeDisconnect && g.body[0] != packet.CodeTakenOver:
						return fmt.Errorf("DISCONNECT %v", g)
					case g.typ() == packet.TypePingresp && s.b.sessions.connected("acme/d1").remote == w.nc.LocalAddr().String():
						live <- w
						return nil
					}
				}
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if len(live) != 1 {
			t.Fatalf("round %d: %d live connections, want 1", round, len(live))
		}
		w := <-live
		w.granted(1, "fleet/acme/broadcast")
		s.b.Publish("fleet/acme/broadcast", fmt.Append(nil, round), false, 1)
		if m := w.message(); m.payload != fmt.Sprint(round) {
			t.Fatalf("round %d: the live one got %+v", round, m)
		}
	}
	eventually(t, "one connection is counted", func() bool { return s.b.Status().Connections == 1 })
}

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

// Announcing much costs the server nothing.
func TestD13AnnouncedLengthsAllocateNothing(t *testing.T) {
	t.Run("bare", func(t *testing.T) {
		b := startBare(t)
		w := b.dial(packet.V5)
		w.send([]byte{packet.TypeConnect << 4, 0xff, 0xff, 0xff, 0x7f})
		if _, err := w.read(500 * time.Millisecond); err == nil || !isTimeout(err) {
			t.Errorf("the engine alone does not wait for 256 MB: %v", err)
		}
	})
	s := start(t)
	w := s.dial(packet.V5)
	w.send([]byte{packet.TypeConnect << 4, 0xff, 0xff, 0xff, 0x7f})
	w.closed()
	before := heap()
	const n = 200
	announce := varint([]byte{packet.TypeConnect << 4}, 250<<10)
	for range n {
		s.dial(packet.V5).send(announce)
	}
	eventually(t, "all have been read", func() bool {
		s.b.door.mu.Lock()
		defer s.b.door.mu.Unlock()
		return s.b.door.waiting == n
	})
	if after := heap(); after > before+n*64<<10 {
		t.Errorf("the heap grew by %d KiB a connection", (after-before)/n>>10)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
