package broker

import (
	"sync"
	"sync/atomic"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// matches is who receives what is published to a topic, as of one state of the
// subscriptions.
type matches struct {
	topology uint64
	direct   []target
	shared   []*group
}

// A target is one subscriber.
type target struct {
	c       *conn
	ids     []int // subscription identifiers
	noLocal bool
}

// A group shares a subscription: each publication goes to one of them.
type group struct {
	targets []target
	next    atomic.Uint32
}

// match finds who receives topic now. Rights are asked here, once for as long as
// neither the subscriptions nor a token changes.
func (b *Broker) match(topic string, old *matches) *matches {
	now := b.topology.Load()
	if old != nil && old.topology == now {
		return old
	}
	m := &matches{topology: now}
	subs := b.engine.Topics.Subscribers(topic)
	add := func(list []target, key string, ids map[string]int, noLocal bool) []target {
		c := b.sessions.connected(key)
		if c == nil || !c.greeted.Load() || !c.claims.Load().MayReceive(topic) {
			return list
		}
		t := target{c: c, noLocal: noLocal && c.keepsFrom(topic)}
		for _, id := range ids {
			if id > 0 { // the engine's none, among others that it has merged
				t.ids = append(t.ids, id)
			}
		}
		return append(list, t)
	}
	for key, sub := range subs.Subscriptions {
		m.direct = add(m.direct, key, sub.Identifiers, sub.NoLocal)
	}
	for _, members := range subs.Shared {
		g := &group{}
		for key, sub := range members {
			g.targets = add(g.targets, key, sub.Merge(sub).Identifiers, false)
		}
		if len(g.targets) > 0 {
			m.shared = append(m.shared, g)
		}
	}
	return m
}

// fanOut shows a position to those who watch its topic, at once and at QoS 0.
// It is encoded once for each protocol version.
func (b *Broker) fanOut(r *route, p *packet.Publish, from fleet.Acker) {
	r.matches = b.match(r.topic, r.matches)
	if len(r.matches.direct) == 0 && len(r.matches.shared) == 0 {
		return
	}
	origin, _ := from.(*conn)
	e := encodings.Get().(*encoding)
	e.reset(packet.Publish{Topic: p.Topic, Payload: p.Payload, Props: p.Props})
	b.send(r.topic, r.matches, e, origin)
	encodings.Put(e)
}

// send delivers one publication of a live topic.
func (b *Broker) send(topic string, m *matches, e *encoding, origin *conn) {
	n := 0
	for i := range m.direct {
		t := &m.direct[i]
		if t.c == origin && t.noLocal {
			continue // [MQTT-3.8.3-3]
		}
		t.deliver(topic, e)
		n++
	}
	for _, g := range m.shared {
		g.targets[g.next.Add(1)%uint32(len(g.targets))].deliver(topic, e)
		n++
	}
	b.metrics.deliveries.Add(float64(n))
	b.totals.delivered.Add(int64(n))
}

func (t *target) deliver(topic string, e *encoding) {
	p := e.of(t)
	if t.c.maxPacket > 0 && len(p) > t.c.maxPacket {
		t.c.b.drop("too large for the client") // [MQTT-3.1.2-25]
		return
	}
	t.c.delivered.Add(1)
	if t.c.out.live(topic, p) {
		t.c.b.drop("conflated")
	}
}

// An encoding is one publication as bytes, made when first asked for. What it
// returns is valid until reset.
type encoding struct {
	p      packet.Publish
	v4, v5 []byte
}

// encodings are those of positions, which come by the thousand.
var encodings = sync.Pool{New: func() any { return new(encoding) }}

func (e *encoding) reset(p packet.Publish) { e.p, e.v4, e.v5 = p, e.v4[:0], e.v5[:0] }

func (e *encoding) of(t *target) []byte {
	if t.c.version != packet.V5 {
		if len(e.v4) == 0 {
			e.v4 = packet.AppendPublish(e.v4, packet.V311, &e.p)
		}
		return e.v4
	}
	if len(t.ids) > 0 {
		own := e.p
		own.Props = append([]byte(nil), e.p.Props...)
		for _, id := range t.ids {
			own.Props = packet.AppendSubscriptionID(own.Props, uint32(id))
		}
		return packet.AppendPublish(nil, packet.V5, &own)
	}
	if len(e.v5) == 0 {
		e.v5 = packet.AppendPublish(e.v5, packet.V5, &e.p)
	}
	return e.v5
}
