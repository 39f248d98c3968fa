package broker

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
)

// engineQueue is how many deliveries the engine queues for one client before it
// drops. It hands them on at once, because the guard never blocks it.
const engineQueue = 128

// queueStall is how long that queue may stand still.
const queueStall = 2 * time.Second

// acknowledging is how many times as much may wait for a client that acknowledges
// as for one that is away: it comes back to that, and more is to come.
const acknowledging = 4

// crowded is what part of its own bound a session that is away still has when all
// sessions together keep too much: one fleet's cannot take all from another's.
const crowded = 64

// dup is the DUP flag in the first byte of a PUBLISH.
const dup = 8

// held keeps QoS 1 and 2 deliveries within the client's Receive Maximum
// [MQTT-3.3.4-9]. The engine's own count can deadlock and leaks.
type held struct {
	mu       sync.Mutex
	most     int
	silence  int                 // deliveries since the client has acknowledged one
	unheard  int                 // bytes of these
	sent     map[uint16]struct{} // packet ids that the client has not acknowledged; no more than most
	waiting  [][]byte            // no more than the engine's MaximumInflight
	stored   int                 // bytes of these
	resuming []again             // deliveries of a resumed session, until all of them are here
	open     bool                // the session is established

	deciding int    // deliveries between the engine's decision and Write
	passes   uint64 // that have come to Write
}

// again is a delivery that is sent once more, and its turn.
type again struct {
	turn uint64
	p    []byte
}

// Write takes one packet of the engine. It never blocks.
func (c *conn) Write(p []byte) (int, error) {
	h, ok := packet.Outbound(p)
	if !ok {
		c.send(p)
		return len(p), nil
	}
	switch {
	case h.Type == packet.TypePublish:
		c.delivered.Add(1)
		c.b.totals.delivered.Add(1)
		if p[0]&dup == 0 { // a redelivery was not in the queue
			c.held.passed()
		}
		c.deliver(h, p)
	case h.Type == packet.TypeSuback, h.Type == packet.TypeUnsuback:
		c.send(c.subscribing.answer(p, h.ID))
	case h.Type == packet.TypeDisconnect:
		c.end(packet.CodeUnspecified, "ended by the engine") // in 3.1.1 only clients send one
	default:
		c.send(p)
	}
	return len(p), nil
}

// deliver sends a publication, or holds it until the session is established or,
// with QoS 1 and 2, the client has acknowledged others.
func (c *conn) deliver(h packet.Header, p []byte) {
	if c.maxPacket > 0 && len(p) > c.maxPacket {
		c.b.drop("too large for the client")
		c.discard(h)
		return
	}
	d := &c.held
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open {
		d.resuming = append(d.resuming, again{c.session.turnOf(h.ID), slices.Clone(p)})
		return
	}
	d.pass(c, h, p)
}

// pass sends a publication, or has it wait for acknowledgements. d.mu is held.
func (d *held) pass(c *conn, h packet.Header, p []byte) {
	switch {
	case h.QoS == 0:
	case len(d.waiting) > 0 || !d.room(c, len(p)):
		d.waiting = append(d.waiting, slices.Clone(p))
		d.stored += len(p)
		return
	case d.sent == nil:
		d.sent = map[uint16]struct{}{h.ID: {}}
	default:
		d.sent[h.ID] = struct{}{}
	}
	c.send(p)
}

// discard takes a delivery that is not to be sent as completed: one that is too
// large for the client [MQTT-3.1.2-25], or has expired. The engine would keep it, and
// refuse to resume the session.
func (c *conn) discard(h packet.Header) {
	if h.QoS > 0 && c.client.Load().State.Inflight.Delete(h.ID) {
		atomic.AddInt64(&c.b.engine.Info.Inflight, -1)
		c.session.settled(h.ID)
	}
}

// resumed sends what a resumed session still has to deliver, in the order in
// which it came: the engine resends in none.
func (d *held) resumed(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortStableFunc(d.resuming, func(a, b again) int {
		switch {
		case a.turn < b.turn:
			return -1
		case a.turn > b.turn:
			return 1
		}
		return 0
	})
	twice := make(map[uint16]bool) // resent, and handed over by OnQosPublish
	for _, a := range d.resuming {
		h, _ := packet.Outbound(a.p)
		if h.QoS > 0 && twice[h.ID] {
			continue
		}
		twice[h.ID] = true
		if h.Type == packet.TypePublish && !c.session.wasSent(h.ID) {
			a.p[0] &^= dup // it waited for a client who was away [MQTT-3.3.1-1]
		}
		d.pass(c, h, a.p)
	}
	d.resuming, d.open = nil, true // only now, or what is new would overtake
}

// room reports whether one more delivery may be sent: the client's Receive
// Maximum allows it, and the client keeps up with reading. d.mu is held.
func (d *held) room(c *conn, size int) bool {
	if len(d.sent) == 0 {
		return true // nothing would tell when there is room again
	}
	return len(d.sent) < d.most && c.out.queued()+size <= c.out.limit/2
}

// release takes the end of a delivery, and sends what it has made room for. The
// engine may have forgotten it: it drops what expires.
func (d *held) release(c *conn, id uint16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.sent[id]; !ok {
		return
	}
	delete(d.sent, id)
	d.silence, d.unheard = 0, 0
	for len(d.waiting) > 0 && d.room(c, len(d.waiting[0])) {
		next := d.waiting[0]
		d.waiting = d.waiting[1:]
		d.stored -= len(next)
		if h, _ := packet.Outbound(next); c.fresh(h, next) {
			d.sent[h.ID] = struct{}{}
			c.send(next)
		}
	}
}

// fresh puts what is left of its expiry interval into a delivery that has waited
// [MQTT-3.3.2-6], and reports whether it is still to be sent [MQTT-3.3.2-5].
func (c *conn) fresh(h packet.Header, p []byte) bool {
	pk, ok := c.client.Load().State.Inflight.Get(h.ID)
	if !ok {
		return false // the client has acknowledged what it was not sent
	}
	if pk.Expiry <= 0 {
		return true
	}
	left := pk.Expiry - time.Now().Unix()
	if left <= 0 {
		c.b.drop("expired")
		c.discard(h)
		return false
	}
	if c.version == packet.V5 {
		packet.SetMessageExpiry(p, uint32(left))
	}
	return true
}

// acknowledged takes a PUBACK, PUBREC or PUBCOMP of the client for a delivery.
func (c *conn) acknowledged(frame []byte) error {
	ack, err := packet.ParseAck(frame, c.version)
	if err != nil {
		return err
	}
	c.acking.Lock()
	defer c.acking.Unlock()
	if c.succeeded {
		return nil // the session has another connection, which may use the packet id anew
	}
	if pk, ok := c.client.Load().State.Inflight.Get(ack.ID); ok && !answers(ack.Type, pk) {
		return &packet.Malformed{Code: packet.CodeProtocolError, Reason: "an acknowledgement of the wrong kind"}
	}
	if ack.Type != packet.TypePubrec || ack.Code >= packet.CodeUnspecified {
		c.held.release(c, ack.ID)
	} else {
		c.session.shrunk(ack.ID)
	}
	return c.toEngine(frame)
}

// answers reports whether an acknowledgement fits what the engine waits for.
func answers(typ byte, pk packets.Packet) bool {
	if pk.FixedHeader.Type == packets.Pubrel {
		return typ != packet.TypePuback
	}
	if pk.FixedHeader.Type != packets.Publish {
		return true
	}
	return (pk.FixedHeader.Qos == 1) == (typ == packet.TypePuback)
}

// pace slows whoever publishes while a client's queue in the engine is nearly
// full, since what does not fit there is lost. The queue drains without waiting
// for the client, so this is short; a client whose queue stands still is sent
// away, and what it has not got is kept in its session.
func (d *held) pace(c *conn, cl *mqtt.Client) {
	if cl.State.Inflight.Len() >= int(c.b.engine.Options.Capabilities.MaximumInflight) {
		return // the engine will not queue it
	}
	var seen uint64
	var since time.Time
	for !c.closed.Load() {
		d.mu.Lock()
		if d.deciding < engineQueue*3/4 {
			d.deciding++
			d.mu.Unlock()
			return
		}
		if now := time.Now(); since.IsZero() || d.passes != seen {
			seen, since = d.passes, now
		} else if now.Sub(since) > queueStall {
			d.mu.Unlock()
			c.overflow()
			cl.Stop(nil) // from here on the engine only keeps
			return
		}
		d.mu.Unlock()
		time.Sleep(50 * time.Microsecond)
	}
}

// queued takes a QoS 1 or 2 delivery that the engine keeps until it is
// acknowledged. A client that acknowledges none, or too few, is sent away rather
// than left without the newest: it learns that it is late, and comes back to what
// is kept for it.
func (d *held) queued(c *conn, cl *mqtt.Client, size int) {
	if !c.greeted.Load() {
		return // what is sent again
	}
	l := &c.b.opts.Limits
	most, mostBytes := int(c.b.engine.Options.Capabilities.MaximumInflight), acknowledging*l.SessionBytes
	silent := l.SessionBytes
	if c.b.sessions.bytes.Load() >= int64(l.SessionBytesTotal) {
		silent = min(silent, l.QueueBytes)
	}
	d.mu.Lock()
	d.silence++
	d.unheard += size
	late := d.silence >= l.InflightMessages || d.unheard >= silent ||
		len(d.waiting) >= most || d.stored >= mostBytes // those that have expired still wait
	d.mu.Unlock()
	if !c.closed.Load() && (late || cl.State.Inflight.Len() >= most || c.session.waits() >= mostBytes) {
		c.overflow()
	}
}

// keeps reports whether one more delivery is kept for a client that is away.
func (d *held) keeps(c *conn, cl *mqtt.Client) bool {
	if !c.closed.Load() {
		return true
	}
	l := &c.b.opts.Limits
	most := l.SessionBytes
	if c.b.sessions.bytes.Load() >= int64(l.SessionBytesTotal) {
		most /= crowded
	}
	if cl.State.Inflight.Len() < l.InflightMessages && c.session.waits() < most {
		return true
	}
	c.b.drop("too many wait for one who is away")
	return false
}

// sizeOf estimates the bytes that the engine keeps a delivery in: a packet and its
// place in a map take about a kilobyte by themselves, a user property two strings.
func sizeOf(pk *packets.Packet) int {
	p := &pk.Properties
	n := 1<<10 + len(pk.TopicName) + len(pk.Payload) + len(p.ContentType) + len(p.ResponseTopic) + len(p.CorrelationData)
	for _, u := range p.User {
		n += 32 + len(u.Key) + len(u.Val)
	}
	return n
}

// passed counts a delivery that has left the engine's queue.
func (d *held) passed() {
	d.mu.Lock()
	d.deciding = max(d.deciding-1, 0)
	d.passes++
	d.mu.Unlock()
}

// packetID returns where in a frame of SUBSCRIBE or UNSUBSCRIBE and their
// answers the packet id stands.
func packetID(frame []byte) []byte {
	for i := 1; i < len(frame); i++ {
		if frame[i] < 0x80 {
			return frame[i+1 : i+3]
		}
	}
	return nil
}

func putPacketID(frame []byte, id uint16) { binary.BigEndian.PutUint16(packetID(frame), id) }
