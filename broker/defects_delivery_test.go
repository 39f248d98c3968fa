package broker

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dray-fleet/dray/broker/packet"
)

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
			if err != nil || m.typ() != packet.TypePublish {
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
