package broker

import (
	"log/slog"
	"math/rand/v2"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// hooks is the engine's only hook: the engine ORs the answers of several. It
// decides nothing that the guard has decided already.
type hooks struct {
	mqtt.HookBase
	b *Broker
}

func (h *hooks) ID() string { return "guard" }

func (h *hooks) Provides(event byte) bool {
	switch event {
	case mqtt.OnRetainMessage, mqtt.OnACLCheck, mqtt.OnSelectSubscribers, mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnUnsubscribed, mqtt.OnPacketEncode,
		mqtt.OnPublishDropped, mqtt.OnQosPublish, mqtt.OnQosComplete, mqtt.OnQosDropped:
		return true
	}
	return false
}

// of returns the guard's side of a client of the engine; nil for the inline one.
func of(cl *mqtt.Client) *conn {
	c, _ := cl.Net.Conn.(*conn)
	return c
}

// OnACLCheck is asked with a filter at SUBSCRIBE and with a topic at each
// delivery. Publishes are checked by the guard.
func (h *hooks) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	c := of(cl)
	if c == nil || write {
		return cl.Net.Inline
	}
	c.deliveries.start(cl)
	c.held.pace(c, cl)
	_, topic, _ = fleet.CutShare(topic) // of a filter; no topic begins with it
	return (h.b.opts.Conformance || c.claims.Load().MayReceive(topic)) && c.held.keeps(c, cl)
}

// OnRetainMessage hears of every retained publication, whoever publishes it.
func (h *hooks) OnRetainMessage(_ *mqtt.Client, pk packets.Packet, _ int64) {
	if len(pk.Payload) == 0 {
		h.b.retained.forget(pk.TopicName)
	}
}

// OnSelectSubscribers gives a publication to one member of each share that is
// connected; the engine takes any, also one that is away.
func (h *hooks) OnSelectSubscribers(subs *mqtt.Subscribers, _ packets.Packet) *mqtt.Subscribers {
	subs.SharedSelected = make(map[string]packets.Subscription)
	for _, members := range subs.Shared {
		chosen, here := "", 0
		for key := range members {
			if h.b.sessions.connected(key) != nil {
				if here++; rand.IntN(here) == 0 { // each with the same chance; the order of a map is not fair
					chosen = key
				}
			} else if here == 0 {
				chosen = key
			}
		}
		sub, merged := subs.SharedSelected[chosen]
		if !merged {
			sub = members[chosen]
		}
		subs.SharedSelected[chosen] = sub.Merge(members[chosen])
	}
	return subs
}

func (h *hooks) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	return of(cl).decide(cl, pk)
}

func (h *hooks) OnSubscribed(cl *mqtt.Client, _ packets.Packet, codes []byte) {
	for _, code := range codes {
		if code < packet.CodeUnspecified {
			of(cl).held.passed() // its filter was paced as a delivery would be
		}
	}
	h.b.topology.Add(1)
}

func (h *hooks) OnUnsubscribed(*mqtt.Client, packets.Packet) { h.b.topology.Add(1) }

// OnPacketEncode puts right what the engine would say wrongly.
func (h *hooks) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c := of(cl)
	if c == nil {
		return pk
	}
	switch pk.FixedHeader.Type {
	case packets.Connack:
		if c.version == packet.V5 {
			pk.Properties.MaximumPacketSize = uint32(h.b.opts.Limits.PacketSize)
			pk.Properties.AuthenticationMethod = c.authMethod
			pk.Properties.SessionExpiryIntervalFlag = c.shortened
			pk.Properties.SessionExpiryInterval = uint32(h.b.opts.Limits.SessionExpiry / time.Second)
		}
	case packets.Suback:
		pk.ReasonCodes = c.subscribing.codes(pk.ReasonCodes, c.version)
		pk.Properties.User = nil
	case packets.Unsuback:
		pk.Properties.User = nil
	case packets.Pubrel:
		if pk.ReasonCode < packet.CodeUnspecified {
			pk.ReasonCode = packet.CodeSuccess
		}
		pk.Properties = packets.Properties{}
	}
	return pk
}

// OnPublishDropped counts what the engine's queue of a client had no room for.
// The client is told, by the end of its connection.
func (h *hooks) OnPublishDropped(cl *mqtt.Client, pk packets.Packet) {
	h.b.drop("engine queue")
	if c := of(cl); c != nil {
		c.held.passed()
		c.overflow()
		h.b.log.Warn("delivery dropped", "client", c.clientID, "topic", pk.TopicName)
	}
}

// OnQosPublish, OnQosComplete and OnQosDropped keep the order of what is not
// yet acknowledged: the engine forgets it.
//
// A delivery may have been decided on just before its session was resumed. It is
// in the session then, but what is resent may have been gathered already, so it
// is handed to the connection that has the session now.
func (h *hooks) OnQosPublish(cl *mqtt.Client, pk packets.Packet, _ int64, _ int) {
	c := of(cl)
	if c == nil || c.session == nil || pk.FixedHeader.Type != packets.Publish {
		return
	}
	if owner := c.session.owner.Load(); owner != nil && owner != c {
		if now := owner.client.Load(); now != nil && now.State.Inflight == cl.State.Inflight {
			_ = now.WritePacket(pk) // if it fails, the next connection has it
		}
		return
	}
	size := sizeOf(&pk)
	c.session.queued(pk.PacketID, size)
	c.held.queued(c, cl, size)
}

func (h *hooks) OnQosComplete(cl *mqtt.Client, pk packets.Packet) {
	if s := h.session(cl); s != nil {
		s.settled(pk.PacketID)
	}
}

func (h *hooks) OnQosDropped(cl *mqtt.Client, pk packets.Packet) {
	if s := h.session(cl); s != nil {
		s.settled(pk.PacketID)
	}
}

func (h *hooks) session(cl *mqtt.Client) *session {
	c := of(cl)
	if c == nil || c.session == nil {
		return nil
	}
	if owner := c.session.owner.Load(); owner != nil && owner != c {
		return nil // taken over: what this one drops lives on in the other
	}
	return c.session
}

// quiet lets the engine log errors only: it logs whole packets, and as warnings
// what is ordinary.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(levelHandler{log.Handler()})
}
