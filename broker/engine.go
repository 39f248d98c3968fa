package broker

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
)

// The engine is driven through its exported parts instead of being given the
// connection: its own read loop waits on a stack of 16 KiB for each client, and
// adds and removes clients in steps that race. Here a client is one goroutine of
// the guard's, and all of this happens under the lock of its session.

// join makes the engine's side of a connection, takes the session over from its
// former connection, and answers the CONNECT.
func (c *conn) join(p *packet.Connect, clean, keep bool) error {
	e := c.b.engine
	cl := e.NewClient(c, c.transport, "", false)
	cl.ParseConnect(c.transport, enginePacket(c, p, clean, keep))
	if c.imposed {
		cl.State.Keepalive = uint16(c.keepAlive / time.Second)
		cl.State.ServerKeepalive = true
	}
	if c.assigned {
		cl.Properties.Props.AssignedClientID = c.clientID
	}
	present := c.inherit(cl, clean)
	c.client.Store(cl) // only now: see OnQosPublish
	atomic.AddInt64(&e.Info.ClientsConnected, 1)
	cl.ClearExpiredInflights(time.Now().Unix(), e.Options.Capabilities.MaximumMessageExpiryInterval)
	e.Clients.Add(cl)
	if err := e.SendConnack(cl, packets.CodeSuccess, present, nil); err != nil {
		return fmt.Errorf("connack: %w", err)
	}
	if present {
		if err := cl.ResendInflightMessages(true); err != nil {
			return fmt.Errorf("resend: %w", err)
		}
	}
	c.held.resumed(c)
	return nil
}

// enginePacket is the CONNECT as the engine sees it: a client id that is unique
// across fleets, no secret, no will, no Receive Maximum, a session that never
// expires by itself.
func enginePacket(c *conn, p *packet.Connect, clean, keep bool) packets.Packet {
	pk := packets.Packet{
		ProtocolVersion: c.version,
		Connect: packets.ConnectParams{
			ClientIdentifier: c.key,
			Clean:            clean || c.version != packet.V5 && !keep,
			Keepalive:        60, // the guard's business
		},
	}
	if c.version == packet.V5 {
		if keep {
			pk.Properties.SessionExpiryInterval = engineForever
			pk.Properties.SessionExpiryIntervalFlag = true
		}
		if c.b.opts.Conformance {
			pk.Properties.TopicAliasMaximum = p.TopicAliasMaximum
		}
		if p.RequestResponseInfo {
			pk.Properties.RequestResponseInfo = 1
		}
	}
	return pk
}

// inherit ends the connection that the session had, and takes over what it
// keeps; with clean it is forgotten. It reports whether there is a session.
func (c *conn) inherit(cl *mqtt.Client, clean bool) (present bool) {
	e := c.b.engine
	former, ok := e.Clients.Get(cl.ID)
	if !ok {
		return false
	}
	old := of(former)
	if old != nil {
		old.end(packet.CodeTakenOver, "taken over by another connection")
	}
	former.Stop(packets.ErrSessionTakenOver)
	if clean {
		c.b.discard(former)
		return false
	}
	if old != nil {
		old.acking.Lock()
		old.succeeded = true
		old.acking.Unlock()
		c.session.inherit(&old.held)
	}
	c.session.prune(func(id uint16) bool { _, ok := former.State.Inflight.Get(id); return ok })
	former.State.Inflight.ResetReceiveQuota(0) // the guard counts
	former.State.Inflight.ResetSendQuota(0)
	cl.State.Inflight = former.State.Inflight // no copy, which would lack what is being published now
	for filter, sub := range former.State.Subscriptions.GetAll() {
		cl.State.Subscriptions.Add(filter, sub) // in the topic tree it stands under the same key
		former.State.Subscriptions.Delete(filter)
	}
	return true
}

// leave undoes join. The engine keeps the session for as long as the guard does.
func (c *conn) leave(sessionEnded bool) {
	cl := c.client.Load()
	if cl == nil {
		return
	}
	e := c.b.engine
	cl.Stop(nil)
	c.deliveries.stop()
	atomic.AddInt64(&e.Info.ClientsConnected, -1)
	if current, ok := e.Clients.Get(cl.ID); ok && current == cl && sessionEnded {
		c.b.discard(cl)
	}
}

// toEngine has the engine process a frame that the guard has checked.
func (c *conn) toEngine(frame []byte) error {
	rest := append([]byte(nil), body(frame)...) // the engine keeps parts of it
	pk := packets.Packet{ProtocolVersion: c.version}
	err := pk.FixedHeader.Decode(frame[0])
	pk.FixedHeader.Remaining = len(rest)
	if err == nil {
		switch pk.FixedHeader.Type {
		case packets.Puback:
			err = pk.PubackDecode(rest)
		case packets.Pubrec:
			err = pk.PubrecDecode(rest)
		case packets.Pubcomp:
			err = pk.PubcompDecode(rest)
		case packets.Subscribe:
			err = pk.SubscribeDecode(rest)
		case packets.Unsubscribe:
			err = pk.UnsubscribeDecode(rest)
		}
	}
	if err == nil {
		err = c.b.engine.InjectPacket(c.client.Load(), pk)
	}
	var code packets.Code
	if errors.As(err, &code) {
		return &packet.Malformed{Code: code.Code, Reason: code.Reason}
	}
	return err
}

// deliveries is the engine's loop that hands on what it has queued for a client.
// Most clients are never sent anything through it, so it starts with the first
// delivery.
type deliveries struct {
	mu               sync.Mutex
	started, stopped bool
	done             sync.WaitGroup
}

func (d *deliveries) start(cl *mqtt.Client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.started && !d.stopped {
		d.started = true
		d.done.Go(cl.WriteLoop)
	}
}

// stop waits for the loop, which ends with the engine's client.
func (d *deliveries) stop() {
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.done.Wait()
}
