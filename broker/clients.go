package broker

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

// Clients lists who of a fleet is connected to this node, by client id.
func (b *Broker) Clients(fleetID string) []fleet.Client {
	var list []fleet.Client
	now := time.Now()
	for _, c := range b.sessions.live() {
		claims := c.claims.Load()
		if claims == nil || claims.Fleet != fleetID {
			continue
		}
		receive, send := c.meter.rates(c, now)
		cl := fleet.Client{
			ID: c.clientID, Fleet: claims.Fleet, Subject: claims.Subject, Role: claims.Role, Driver: claims.Driver,
			Address: c.remote, Protocol: "5", ConnectedAt: c.openedAt,
			Received: c.received.Load(), Sent: c.delivered.Load(), ReceiveRate: receive, SendRate: send, QueueBytes: int64(c.out.queued()),
			Dropped: c.out.conflated.Load(),
		}
		if c.version != packet.V5 {
			cl.Protocol = "3.1.1"
		}
		if c.transport == "ws" {
			cl.Protocol += "/ws"
		}
		list = append(list, cl)
	}
	slices.SortFunc(list, func(a, b fleet.Client) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Disconnect ends a client's connection (reason code 0x98), or returns
// fleet.ErrNotFound. The client may come back; revoke its token to keep it out.
func (b *Broker) Disconnect(fleetID, clientID string) error {
	c := b.sessions.connected(fleetID + "/" + clientID)
	if c == nil {
		return fleet.ErrNotFound
	}
	c.end(packet.CodeAdministrative, "disconnected by an administrator")
	return nil
}

// Status says how this node is doing.
func (b *Broker) Status() fleet.BrokerStatus {
	return fleet.BrokerStatus{
		Ready:       b.ctx.Err() == nil,
		Connections: int(b.connected.Load()),
		StartedAt:   b.started,
		Received:    b.totals.received.Load(),
		Delivered:   b.totals.delivered.Load(),
		Dropped:     b.totals.dropped.Load() + atomic.LoadInt64(&b.engine.Info.InflightDropped),
	}
}
