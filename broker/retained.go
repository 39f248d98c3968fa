package broker

import (
	"strings"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/dray-fleet/dray/broker/packet"
)

// What the clients of this node may have retained in one fleet. What the server
// itself retains, about drivers, is not counted.
const (
	maxRetained      = 10_000 // topics
	maxRetainedBytes = 64 << 20
)

// decodedProps is how many times its size a property takes in memory at most: an
// empty user property is five bytes on the wire and two strings in the engine.
const decodedProps = 8

// retained bounds what clients make the broker keep for those who subscribe
// later: it stays when they have gone.
type retained struct {
	most, mostBytes int

	mu sync.Mutex
	of map[string]*retainedTopics // by fleet
}

type retainedTopics struct {
	sizes map[string]int // bytes of each topic
	bytes int
}

func newRetained() retained {
	return retained{most: maxRetained, mostBytes: maxRetainedBytes, of: make(map[string]*retainedTopics)}
}

// keep counts a publication that is to be retained, unless its fleet has no room
// for it. An empty one is always taken: it makes room.
func (r *retained) keep(topic string, p *packet.Publish) bool {
	if len(p.Payload) == 0 {
		return true
	}
	size := len(topic) + decodedProps*len(p.Props) + len(p.Payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.of[fleetOf(topic)]
	if f == nil {
		f = &retainedTopics{sizes: make(map[string]int)}
		r.of[fleetOf(topic)] = f
	}
	former, known := f.sizes[topic]
	if !known && len(f.sizes) >= r.most || f.bytes-former+size > r.mostBytes {
		return false
	}
	f.sizes[topic] = size
	f.bytes += size - former
	return true
}

// forget tells that a topic retains nothing any more.
func (r *retained) forget(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.of[fleetOf(topic)]
	if f == nil {
		return
	}
	f.bytes -= f.sizes[topic]
	if delete(f.sizes, topic); len(f.sizes) == 0 {
		delete(r.of, fleetOf(topic))
	}
}

// fleetOf returns the fleet of a topic; in conformance mode there are others,
// which count as one.
func fleetOf(topic string) string {
	rest, ok := strings.CutPrefix(topic, "fleet/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// expireRetained forgets what is retained for longer than its publisher wanted.
func (b *Broker) expireRetained(now time.Time) {
	for topic := range b.engine.Topics.Retained.GetAll() {
		if pk, ok := b.engine.Topics.Retained.Get(topic); ok && pk.Expiry > 0 && pk.Expiry < now.Unix() {
			b.engine.Topics.RetainMessage(packets.Packet{TopicName: topic}) // its place in the tree too
			b.retained.forget(topic)
		}
	}
}
