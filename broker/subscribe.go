package broker

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// subscribing is the SUBSCRIBE or UNSUBSCRIBE that the engine works on, on the
// reader's goroutine.
type subscribing struct {
	verdicts []verdict

	clientID, engineID uint16 // packet ids
}

// A verdict is what the guard has decided on one filter.
type verdict struct {
	filter   string
	code     byte // >= 0x80: refused
	existed  bool
	handling byte // retain handling that the client asked for
	id       int  // subscription identifier
}

// refusedFilter stands where a refused one stood: the engine finds it invalid.
const refusedFilter = ""

// codes puts the guard's reasons where the engine knows only "not authorized".
func (s *subscribing) codes(engine []byte, version byte) []byte {
	for i := range engine {
		if i < len(s.verdicts) && engine[i] >= packet.CodeUnspecified {
			if code := s.verdicts[i].code; code >= packet.CodeUnspecified {
				engine[i] = code
			}
			if version != packet.V5 {
				engine[i] = packet.CodeUnspecified
			}
		}
	}
	return engine
}

// answer gives a SUBACK or UNSUBACK the packet id that the client used.
func (s *subscribing) answer(p []byte, id uint16) []byte {
	if id == s.engineID && s.engineID != s.clientID {
		putPacketID(p, s.clientID)
	}
	return p
}

// subscribe checks a SUBSCRIBE and leaves it to the engine.
func (c *conn) subscribe(frame []byte) error {
	s, err := packet.ParseSubscribe(frame, c.version)
	if err != nil {
		return err
	}
	if err := c.slow(); err != nil {
		return err
	}
	if err := c.toEngineAs(frame, s.ID); err != nil {
		return err
	}
	c.b.cluster.watch(c)
	c.subscribed()
	return nil
}

// unsubscribe checks an UNSUBSCRIBE and leaves it to the engine. In place of a filter
// that the client has not, the engine is asked about one that nobody can have: it
// would say yes when another client has it, and its search is quadratic in the levels.
func (c *conn) unsubscribe(frame []byte) error {
	u, err := packet.ParseUnsubscribe(frame, c.version)
	if err != nil {
		return err
	}
	if err := c.slow(); err != nil {
		return err
	}
	have := c.client.Load().State.Subscriptions.GetAll()
	for i, filter := range u.Filters {
		if _, ok := have[filter]; !ok {
			u.Filters[i] = "$none"
		}
		delete(have, filter) // named twice, it is there once
	}
	frame = packet.AppendUnsubscribe(nil, c.version, u)
	err = c.toEngineAs(frame, u.ID)
	c.b.cluster.watch(c)
	return err
}

// toEngineAs gives the frame a packet id that no delivery uses: the engine keeps
// both kinds in one map.
func (c *conn) toEngineAs(frame []byte, id uint16) error {
	s := &c.subscribing
	s.clientID, s.engineID = id, id
	inflight := c.client.Load().State.Inflight
	for {
		if _, used := inflight.Get(s.engineID); !used {
			break
		}
		if s.engineID += 1 << 14; s.engineID == id || s.engineID == 0 {
			s.engineID = s.engineID + 1
		}
	}
	putPacketID(frame, s.engineID)
	return c.toEngine(frame)
}

// decide judges each filter of a SUBSCRIBE before the engine does, and lowers
// what could carry positions to QoS 0: a newer fix is worth more than an old
// one again.
func (c *conn) decide(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	s := &c.subscribing
	s.verdicts = s.verdicts[:0]
	claims := c.claims.Load()
	have := cl.State.Subscriptions.Len()
	added := make(map[string]struct{}) // by this packet
	for i := range pk.Filters {
		f := &pk.Filters[i]
		_, existed := cl.State.Subscriptions.Get(f.Filter)
		if _, ok := added[f.Filter]; ok {
			existed = true
		}
		v := verdict{filter: f.Filter, existed: existed, handling: f.RetainHandling, id: f.Identifier}
		_, inner, ok := fleet.CutShare(f.Filter)
		switch {
		case !ok || !fleet.ValidFilter(inner):
			v.code = packet.CodeFilterInvalid
		case c.b.opts.Conformance:
			if inner == "test/nosubscribe" {
				v.code = packet.CodeUnspecified
			}
		case !claims.MaySubscribe(f.Filter):
			v.code = packet.CodeNotAuthorized
		case !existed && have >= c.b.opts.Limits.Subscriptions:
			v.code = packet.CodeQuotaExceeded
		default:
			if !existed {
				have++
				added[f.Filter] = struct{}{}
			}
			f.RetainHandling = 2 // retained publications are sent by subscribed
			if carriesPositions(inner) {
				f.Qos = 0
			}
		}
		if v.code >= packet.CodeUnspecified {
			f.Filter = refusedFilter
		}
		s.verdicts = append(s.verdicts, v)
	}
	return pk
}

// carriesPositions reports whether filter can select a location or live topic.
func carriesPositions(filter string) bool {
	return fleet.Overlap(filter, "fleet/+/drivers/+/location") || fleet.Overlap(filter, "fleet/+/live")
}

// subscribed follows the SUBACK: retained publications, and a keyframe for those
// who watch a fleet. The engine's own way to send retained ones overruns its
// queue; this one waits for the client.
func (c *conn) subscribed() {
	if c.b.opts.Conformance {
		return
	}
	claims := c.claims.Load()
	hears := false
	for _, v := range c.subscribing.verdicts {
		if v.code >= packet.CodeUnspecified || strings.HasPrefix(strings.ToLower(v.filter), "$share/") {
			continue
		}
		c.b.live.greet(c, v)
		hears = hears || fleet.MatchTopic(v.filter, fleet.DriverTopic(claims.Fleet, claims.SpeaksFor(), "assignments"))
		if v.handling == 2 || v.handling == 1 && v.existed {
			continue
		}
		for _, pk := range c.b.engine.Topics.Messages(v.filter) {
			if claims.MayReceive(pk.TopicName) {
				c.sendRetained(pk.TopicName, v.id)
			}
		}
	}
	if hears {
		c.b.tellSubscribed(claims)
	}
}

// tellSubscribed says that a driver can hear its assignments.
func (b *Broker) tellSubscribed(claims *auth.Claims) {
	if driver := claims.SpeaksFor(); driver != "" && b.opts.Subscribed != nil {
		b.opts.Subscribed(claims.Fleet, driver)
	}
}

// sendRetained sends the topic's last publication as of now. One that replaced it
// meanwhile may have gone out before, so that is sent again: the newest is last.
func (c *conn) sendRetained(topic string, id int) {
	var sent []byte
	for {
		pk, ok := c.b.engine.Topics.Retained.Get(topic)
		if !ok || sent != nil && bytes.Equal(pk.Payload, sent) || pk.Expiry > 0 && pk.Expiry < time.Now().Unix() {
			return
		}
		sent = pk.Payload
		p := &packet.Publish{Topic: []byte(topic), Payload: sent, Retain: true}
		if c.version == packet.V5 {
			p.Props = retainedProps(&pk)
		}
		c.sendQoS0(p, id)
	}
}

// retainedProps returns the properties with which pk goes out now: its
// publisher's, with what is left of the expiry interval [MQTT-3.3.2-6].
func retainedProps(pk *packets.Packet) []byte {
	props := pk.Properties
	if pk.Expiry > 0 {
		props.MessageExpiryInterval = uint32(max(pk.Expiry-time.Now().Unix(), 1))
	}
	var buf bytes.Buffer
	props.Encode(packets.Publish, packets.Mods{AllowResponseInfo: true}, &buf, 0)
	_, n := binary.Uvarint(buf.Bytes()) // their length comes first
	return buf.Bytes()[n:]
}

// sendQoS0 sends one publication to this client alone, on the reader's
// goroutine.
func (c *conn) sendQoS0(p *packet.Publish, id int) {
	if id > 0 && c.version == packet.V5 {
		p.Props = packet.AppendSubscriptionID(p.Props, uint32(id))
	}
	buf := packet.AppendPublish(nil, c.version, p)
	if c.maxPacket > 0 && len(buf) > c.maxPacket {
		c.b.drop("too large for the client") // [MQTT-3.1.2-25]
		return
	}
	c.delivered.Add(1)
	c.out.addPatiently(buf)
}
