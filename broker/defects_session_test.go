package broker

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
)

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
