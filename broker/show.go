package broker

import (
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// Show lets those who watch a driver see a report that is in the stream already
// and did not come over MQTT. topic is an upstream one.
func (b *Broker) Show(topic string, payload []byte) {
	u, ok := fleet.ParseUpstream(topic)
	if !ok {
		return
	}
	r := &route{topic: topic, upstream: u}
	p := packet.Publish{Topic: []byte(topic), Payload: payload}
	now := time.Now()
	fixes, bad := b.decode(r, payload, now)
	if bad != nil {
		b.tellError(r, bad, now)
		return
	}
	if u.Kind == fleet.KindLocation {
		b.live.track(r, fixes, now)
		b.fanOut(r, &p, nil)
	} else {
		b.relay(topic, &p, nil)
	}
	b.cluster.live(r, &p)
}

// showNative shows fixes of a vendor's device as if its driver's phone had sent
// them: those who watch need not know every maker's format.
func (b *Broker) showNative(r *route, fixes []fleet.Fix, now time.Time) {
	if len(fixes) == 0 {
		return
	}
	b.live.track(r, fixes, now)
	if r.native == nil {
		u := fleet.Upstream{Fleet: r.upstream.Fleet, Driver: r.upstream.Driver, Kind: fleet.KindLocation}
		r.native = &route{topic: fleet.DriverTopic(u.Fleet, u.Driver, "location"), upstream: u}
	}
	p := packet.Publish{Topic: []byte(r.native.topic), Payload: codec.AppendLocation(nil, fixes)}
	b.fanOut(r.native, &p, nil)
	b.cluster.live(r.native, &p)
}
