package broker

import (
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
)

// A will is what is published for a client that vanishes. The guard keeps it,
// not the engine, because it must obey the rules of any other publish: rights at
// CONNECT, the durable stream, the topics of the fleet.
type will struct {
	packet.Will
	claims *auth.Claims
	remote string
	delay  time.Duration
}

// leaveWill publishes the will of a connection that has ended, or has it wait.
// sessionEnded is whether its session ended with it.
func (b *Broker) leaveWill(c *conn, sessionEnded bool) {
	w := c.will
	if w == nil {
		return
	}
	if w.delay <= 0 || sessionEnded || c.replaced.Load() {
		b.publishWill(w)
		return
	}
	s := c.session
	b.sessions.mu.Lock()
	defer b.sessions.mu.Unlock()
	if s.conn != nil && s.conn != c {
		return // resumed already [MQTT-3.1.3-9]
	}
	s.will = w
	s.timer = time.AfterFunc(min(w.delay, s.expiry), func() { b.fireWill(s) })
}

// fireWill publishes a delayed will, unless it was taken back.
func (b *Broker) fireWill(s *session) {
	b.sessions.mu.Lock()
	w := s.will
	s.will = nil
	b.sessions.mu.Unlock()
	if w != nil {
		b.publishWill(w)
	}
}

// publishWill takes the same road as a publish of the client would.
func (b *Broker) publishWill(w *will) {
	p := packet.Publish{Topic: []byte(w.Topic), Payload: w.Payload, QoS: w.QoS, Retain: w.Retain, Props: w.Props}
	r := b.route(w.Topic, w.claims)
	if !r.allowed {
		b.metrics.published("will refused").Inc()
		return
	}
	if !r.durable {
		if p.Retain && !b.retained.keep(w.Topic, &p) {
			b.metrics.published("too much retained").Inc()
			p.Retain = false // those who listen hear it all the same
		}
		b.inject(nil, &p, w.Topic)
		b.cluster.publish(w.Topic, &p)
		return
	}
	if err := b.uplink(r, &p, time.Now(), w.claims, detached{b}, 0); err != nil {
		b.log.Error("will not stored", "topic", w.Topic, "error", err)
	}
}

// detached hears what became of a will: there is no client left to tell.
type detached struct{ b *Broker }

func (d detached) Appended(_ uint64, err error) {
	if err != nil {
		d.b.metrics.published("not stored").Inc()
		d.b.log.Error("will not stored", "error", err)
	}
}

func (detached) Flush() {}
