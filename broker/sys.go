package broker

import (
	"context"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strconv"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
)

const (
	sysEvery      = 10 * time.Second
	inflightEvery = time.Second
	retainedEvery = time.Minute // nothing that dray itself retains expires
)

// chores does what the engine's own loop would: that one copies every retained
// publication and every client once a second: 6 MB of garbage with 4,000 drivers.
func (b *Broker) chores(ctx context.Context) {
	sys, inflight, retained := time.NewTicker(sysEvery), time.NewTicker(inflightEvery), time.NewTicker(retainedEvery)
	defer sys.Stop()
	defer inflight.Stop()
	defer retained.Stop()
	b.tellSys(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-sys.C:
			b.tellSys(now)
		case now := <-inflight.C:
			b.expireInflight(now)
			if b.opts.Conformance {
				b.expireRetained(now)
			}
		case now := <-retained.C:
			b.expireRetained(now)
		}
	}
}

// expireInflight forgets deliveries whose message expiry interval has passed
// [MQTT-3.3.2-5].
func (b *Broker) expireInflight(now time.Time) {
	for _, cl := range b.engine.Clients.GetAll() {
		if cl.State.Inflight.Len() > 0 {
			cl.ClearExpiredInflights(now.Unix(), b.engine.Options.Capabilities.MaximumMessageExpiryInterval)
		}
	}
}

// tellSys publishes what this node has counted, in the names of
// https://github.com/mqtt/mqtt.org/wiki/SYS-Topics.
func (b *Broker) tellSys(now time.Time) {
	info := b.engine.Info
	connected := b.connected.Load()
	if connected > info.ClientsMaximum {
		info.ClientsMaximum = connected
	}
	total := int64(b.engine.Clients.Len()) - 1 // without the engine's own, which publishes for the server
	heap := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	runtimemetrics.Read(heap)
	b.tell("version", "mochi "+mqtt.Version, now)
	for name, n := range map[string]int64{
		"time":                 now.Unix(),
		"started":              info.Started,
		"uptime":               now.Unix() - info.Started,
		"clients/connected":    connected,
		"clients/disconnected": max(total-connected, 0),
		"clients/maximum":      info.ClientsMaximum,
		"clients/total":        total,
		"messages/received":    b.totals.received.Load(),
		"messages/sent":        b.totals.delivered.Load(),
		"messages/dropped":     b.totals.dropped.Load(),
		"messages/inflight":    atomic.LoadInt64(&info.Inflight),
		"retained":             int64(b.engine.Topics.Retained.Len()),
		"subscriptions":        atomic.LoadInt64(&info.Subscriptions),
		"system/memory":        int64(heap[0].Value.Uint64()),
		"system/threads":       int64(runtime.NumGoroutine()),
	} {
		b.tell(name, strconv.FormatInt(n, 10), now)
	}
}

// tell publishes one value of $SYS on this node alone. The engine lets nobody
// publish there, so it is kept and shown without it.
func (b *Broker) tell(name, value string, now time.Time) {
	topic, payload := "$SYS/broker/"+name, []byte(value)
	b.engine.Topics.RetainMessage(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true},
		TopicName:   topic, Payload: payload, Created: now.Unix(),
	})
	b.send(topic, b.match(topic, nil), &encoding{p: packet.Publish{Topic: []byte(topic), Payload: payload}}, nil)
}
