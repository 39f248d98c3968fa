package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// A route is what the uplink knows of a topic that a connection publishes to,
// so that the next publish costs no parsing.
type route struct {
	topic    string
	claims   *auth.Claims // whose right allowed is
	allowed  bool
	durable  bool // goes to the stream: an upstream or vendor topic
	upstream fleet.Upstream
	tracked  *tracked    // of the live frames
	native   *route      // of a vendor's topic: the location topic of its driver
	matches  *matches    // who gets what is published here, as of matches.topology
	fix      []fleet.Fix // room for one, whose texts the next one most often repeats
}

// maxRoutes bounds how many topics a connection is remembered for.
const maxRoutes = 1024

// routes are a connection's routes; most have one.
type routes struct {
	last *route
	all  map[string]*route
}

func (rs *routes) find(topic []byte) *route {
	if rs.last != nil && string(topic) == rs.last.topic {
		return rs.last
	}
	r := rs.all[string(topic)]
	if r != nil {
		rs.last = r
	}
	return r
}

func (rs *routes) add(r *route) {
	if rs.all == nil || len(rs.all) >= maxRoutes {
		rs.all = make(map[string]*route)
	}
	rs.all[r.topic] = r
	rs.last = r
}

// route finds out what a publish to topic is.
func (b *Broker) route(topic string, claims *auth.Claims) *route {
	r := &route{topic: topic, claims: claims}
	if b.opts.Conformance {
		r.allowed = fleet.ValidTopic(topic) && !strings.HasPrefix(topic, "$SYS")
		return r
	}
	r.allowed = claims.MayPublish(topic)
	if u, ok := fleet.ParseUpstream(topic); ok {
		r.upstream, r.durable = u, true
	} else if claims.Role == fleet.RoleDevice && r.allowed && claims.ACL == nil {
		r.upstream = fleet.Upstream{Fleet: claims.Fleet, Driver: claims.SpeaksFor(), Kind: fleet.KindVendor}
		r.durable = true
	}
	return r
}

// publish takes a PUBLISH of the client.
func (c *conn) publish(frame []byte) error {
	var p packet.Publish
	if err := packet.ParsePublish(frame, c.version, &p); err != nil {
		return err
	}
	if p.TopicAlias != 0 {
		return &packet.Malformed{Code: packet.CodeTopicAliasInvalid, Reason: "topic aliases are not offered"} // [MQTT-3.3.2-9]
	}
	c.received.Add(1)
	c.b.totals.received.Add(1)
	if err := c.slow(); err != nil {
		return err
	}
	again := p.QoS == 2 && c.session.received(p.ID)
	if p.QoS == 2 && !again && c.session.unreleased() >= c.b.opts.Limits.ReceiveMaximum {
		return &packet.Malformed{Code: packet.CodeReceiveMaximum, Reason: "more QoS 2 publishes than the receive maximum"} // [MQTT-3.3.4-9]
	}
	claims := c.claims.Load()
	r := c.routes.find(p.Topic)
	if r == nil || r.claims != claims {
		r = c.b.route(string(p.Topic), claims)
		c.routes.add(r)
	}
	if !r.allowed {
		return c.refuse(&p, packet.CodeNotAuthorized, "forbidden")
	}
	if again { // [MQTT-4.3.3-10]
		c.acks.drain()
		c.send(packet.AppendPubrec(nil, c.version, p.ID, packet.CodeSuccess, ""))
		return nil
	}
	if !r.durable {
		if p.Retain && !c.b.retained.keep(r.topic, &p) {
			return c.refuse(&p, packet.CodeQuotaExceeded, "too much retained")
		}
		return c.plain(&p, r.topic)
	}
	pending, ok := c.acks.begin(p.ID, c.b.opts.Limits.ReceiveMaximum)
	if pending || !ok {
		return nil // its acknowledgement is on the way, or the connection's end
	}
	tok := token(p.ID)
	switch p.QoS {
	case 1:
		tok |= tokenQoS1
	case 2:
		tok |= tokenQoS2
	}
	if err := c.b.uplink(r, &p, c.now, claims, c, tok); err != nil {
		c.Appended(uint64(tok), err)
	}
	return nil
}

// slow counts what costs more than its bytes, and waits while the connection is
// over its rate.
func (c *conn) slow() error {
	wait, ok := c.rate.take(c.now)
	if wait <= 0 {
		return nil
	}
	now := time.Now() // what came with one read may have waited meanwhile
	wait -= now.Sub(c.now)
	c.now = now
	c.b.metrics.throttled.Inc()
	if !ok {
		return &packet.Malformed{Code: packet.CodeRateTooHigh, Reason: "too many messages"}
	}
	c.rate.sleep(wait)
	c.now = time.Now()
	return nil
}

// refuse answers a publish that is not taken, and counts it as result.
func (c *conn) refuse(p *packet.Publish, code byte, result string) error {
	c.b.metrics.published(result).Inc()
	if p.QoS == 0 {
		return nil // there is no packet to answer it with
	}
	if c.version != packet.V5 {
		return &packet.Malformed{Code: code, Reason: "a publish was refused: " + result} // [3.1.1 section 3.3.5]
	}
	c.acks.drain()
	if p.QoS == 1 {
		c.send(packet.AppendPuback(nil, c.version, p.ID, code, ""))
	} else {
		c.send(packet.AppendPubrec(nil, c.version, p.ID, code, ""))
	}
	return nil
}

// plain publishes what is neither a driver's report nor a device's: it goes
// through the engine and is not stored.
func (c *conn) plain(p *packet.Publish, topic string) error {
	if c.b.opts.Conformance {
		c.settle()
	}
	c.acks.drain()
	c.b.inject(c, p, topic)
	c.b.cluster.publish(topic, p)
	c.b.metrics.published("plain").Inc()
	switch p.QoS {
	case 1:
		c.send(packet.AppendPuback(nil, c.version, p.ID, packet.CodeSuccess, ""))
	case 2:
		c.session.receive(p.ID, c.start)
		c.send(packet.AppendPubrec(nil, c.version, p.ID, packet.CodeSuccess, ""))
	}
	return nil
}

// settleTime is what a SUBSCRIBE takes at most to be in force on a busy machine.
const settleTime = 50 * time.Millisecond

// settle holds the first publish after a pause back. The suites subscribe on one
// connection and publish on another at once, without waiting for the SUBACK;
// MQTT promises nothing then, but a server of one thread keeps that order, and
// the suites were written against such.
func (c *conn) settle() {
	if time.Since(c.settled) > settleTime {
		c.rate.sleep(settleTime)
	}
	c.settled = time.Now()
}

// release answers the PUBREL of a QoS 2 publish.
func (c *conn) release(frame []byte) error {
	ack, err := packet.ParseAck(frame, c.version)
	if err != nil {
		return err
	}
	code := packet.CodeSuccess
	if !c.session.releaseID(ack.ID) {
		code = packet.CodeIDNotFound
	}
	c.send(packet.AppendPubcomp(nil, c.version, ack.ID, code, ""))
	return nil
}

// uplink appends a publish to the stream, and shows it to those who watch at
// once. What cannot be decoded is appended as well, so that it is kept as a dead
// letter; its driver is told, and nobody else sees it. now is when it came. An
// error means that to will not be told.
func (b *Broker) uplink(r *route, p *packet.Publish, now time.Time, claims *auth.Claims, to fleet.Acker, tok token) error {
	fixes, bad := b.decode(r, p.Payload, now)
	if bad != nil {
		tok |= tokenBad
	}
	payload, decoded := p.Payload, false
	if r.upstream.Kind == fleet.KindLocation && bad == nil {
		buf := wireBuffers.Get().(*[]byte)
		defer wireBuffers.Put(buf)
		*buf = codec.AppendFixes((*buf)[:0], fixes)
		payload, decoded = *buf, true
	}
	err := b.stream.Append(fleet.Publication{
		Topic:      r.topic,
		Payload:    payload,
		Decoded:    decoded,
		ReceivedAt: now,
		Fleet:      claims.Fleet,
		Subject:    claims.Subject,
		Role:       claims.Role,
		Driver:     r.upstream.Driver,
		Node:       b.opts.Node,
	}, to, uint64(tok))
	if err != nil {
		return err
	}
	if bad != nil {
		b.metrics.published("malformed").Inc()
		b.tellError(r, bad, now)
		return nil
	}
	b.metrics.uplinked.Inc()
	switch r.upstream.Kind {
	case fleet.KindLocation:
		b.live.track(r, fixes, now)
		b.fanOut(r, p, to)
		b.cluster.live(r, p)
	case fleet.KindVendor:
		b.showNative(r, fixes, now)
	default:
		b.relay(r.topic, p, to)
		b.cluster.live(r, p)
	}
	return nil
}

// wireBuffers hold decoded fixes until the stream has copied them.
var wireBuffers = sync.Pool{New: func() any { return new([]byte) }}

// decode reads the payload once, for everybody: fixes for the live frames, or
// the field that is wrong. The fixes are valid until the route's next publish.
func (b *Broker) decode(r *route, payload []byte, now time.Time) ([]fleet.Fix, *fleet.InvalidError) {
	var fixes []fleet.Fix
	var err error
	switch r.upstream.Kind {
	case fleet.KindLocation:
		fixes, err = codec.LocationInto(r.fix[:0], payload, r.upstream.Driver)
		if cap(fixes) == 1 {
			r.fix = fixes
		}
	case fleet.KindHealth:
		_, err = codec.Health(payload)
	case fleet.KindDuty:
		_, _, err = codec.Duty(payload)
	case fleet.KindStatus:
		_, err = codec.Status(payload)
	case fleet.KindReceipt:
		_, err = codec.Receipt(payload)
	case fleet.KindCommand:
		_, err = codec.CommandReceipt(payload)
	case fleet.KindVendor:
		var m codec.Message
		m, err = codec.Vendor(r.topic, payload, now)
		fixes = m.Fixes
	}
	var bad *fleet.InvalidError
	if errors.As(err, &bad) {
		return nil, bad
	}
	return fixes, nil
}

// tellError says on the driver's errors topic why a report was refused.
func (b *Broker) tellError(r *route, bad *fleet.InvalidError, now time.Time) {
	body, err := json.Marshal(struct {
		Topic  string    `json:"topic"`
		Field  string    `json:"field"`
		Reason string    `json:"reason"`
		At     time.Time `json:"at"`
	}{r.topic, bad.Field, bad.Reason, now.UTC().Truncate(time.Millisecond)})
	if err != nil {
		b.log.Error("errors message", "error", err)
		return
	}
	b.Publish(fleet.DriverTopic(r.upstream.Fleet, r.upstream.Driver, "errors"), body, false, 1)
}

// relay hands a report other than a position to the engine, which delivers it
// with the QoS that its subscribers asked for. Upstream topics are not retained.
func (b *Broker) relay(topic string, p *packet.Publish, from fleet.Acker) {
	origin, _ := from.(*conn)
	b.inject(origin, &packet.Publish{
		Topic: p.Topic, Payload: bytes.Clone(p.Payload), QoS: p.QoS, Props: bytes.Clone(p.Props),
	}, topic)
}
