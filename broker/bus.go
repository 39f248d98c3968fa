package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// Subjects of the bus.
const (
	subjectNodes   = "nodes"   // notes: who is there, and for whom
	subjectPublish = "publish" // what the server publishes, to every node
	subjectLive    = "live."   // and a fleet: what its drivers publish, to the nodes where that is watched
)

// allFleets stands for the fleet of a filter that names none.
const allFleets = ">"

// cluster is this node's side of the bus. A nil one is that of a single node,
// and does nothing.
type cluster struct {
	b     *Broker
	bus   Bus
	alive atomic.Int64 // other nodes

	mu        sync.Mutex
	watched   map[string]int    // fleet → connections that watch it
	listening map[string]func() // fleet → ends listening to it
	closed    bool

	// Under presence.mu, as what they are about:
	peers map[string]*peer // by the node's name
	seq   uint64           // of the last arrival or departure that was told
}

func newCluster(b *Broker) *cluster {
	if b.opts.Bus == nil {
		return nil
	}
	return &cluster{
		b: b, bus: b.opts.Bus,
		watched: make(map[string]int), listening: make(map[string]func()), peers: make(map[string]*peer),
	}
}

// run takes part until ctx is done.
func (n *cluster) run(ctx context.Context) error {
	stopNodes, err := n.bus.Listen(subjectNodes, n.note)
	if err != nil {
		return err
	}
	defer stopNodes()
	stopPublish, err := n.bus.Listen(subjectPublish, n.published)
	if err != nil {
		return err
	}
	defer stopPublish()
	defer n.unlisten()
	n.beatUntil(ctx)
	return nil
}

func (n *cluster) send(subject string, data []byte) error {
	err := n.bus.Send(subject, data)
	if err != nil {
		n.b.drop("other nodes not told")
	}
	return err
}

// publish has the other nodes publish p as well.
func (n *cluster) publish(topic string, p *packet.Publish) {
	if n != nil {
		_ = n.send(subjectPublish, appendShared(nil, topic, p)) // counted
	}
}

// published takes what another node has published.
func (n *cluster) published(_ string, data []byte) {
	topic, p, err := parseShared(data)
	if err != nil {
		n.b.drop("malformed message of another node")
		return
	}
	n.b.inject(nil, &p, topic)
}

// live shows what a driver publishes to those who watch it on other nodes.
func (n *cluster) live(r *route, p *packet.Publish) {
	if n != nil && n.alive.Load() > 0 {
		_ = n.send(subjectLive+r.upstream.Fleet, appendShared(nil, r.topic, p)) // counted
	}
}

// maxRemote bounds the topics of other nodes' drivers that one fleet's listener
// remembers.
const maxRemote = 1 << 16

// hear returns what takes the publications of a fleet's drivers on other nodes.
func (n *cluster) hear() func(string, []byte) {
	routes := make(map[string]*route)
	return func(_ string, data []byte) {
		topic, p, err := parseShared(data)
		r := routes[topic]
		if r == nil && err == nil {
			u, ok := fleet.ParseUpstream(topic)
			if !ok {
				err = errShared
			}
			if len(routes) >= maxRemote {
				clear(routes)
			}
			r = &route{topic: topic, upstream: u}
			routes[topic] = r
		}
		if err != nil {
			n.b.drop("malformed message of another node")
			return
		}
		if r.upstream.Kind != fleet.KindLocation {
			n.b.inject(nil, &p, topic)
			return
		}
		if fixes, err := codec.Location(p.Payload, r.upstream.Driver); err == nil {
			n.b.live.track(r, fixes, time.Now())
		}
		n.b.fanOut(r, &p, nil)
	}
}

// reports are the topics that nodes tell one another only where they are watched.
var reports = []string{
	"fleet/+/live", "fleet/+/drivers/+/location", "fleet/+/drivers/+/health", "fleet/+/drivers/+/duty",
	"fleet/+/drivers/+/shipments/+/status", "fleet/+/drivers/+/assignments/+/receipt",
}

// watch brings the fleets that this node listens to up to date with what c has
// subscribed to. What drivers hear of themselves is published where they are.
func (n *cluster) watch(c *conn) {
	if n == nil || c.claims.Load().SpeaksFor() != "" {
		return
	}
	now := make(map[string]struct{})
	for filter := range c.client.Load().State.Subscriptions.GetAll() {
		_, filter, _ = fleet.CutShare(filter)
		for _, report := range reports {
			if fleet.Overlap(filter, report) {
				now[watchedFleet(filter)] = struct{}{}
				break
			}
		}
	}
	n.change(c, now)
}

// unwatch ends what c watches.
func (n *cluster) unwatch(c *conn) {
	if n != nil {
		n.change(c, nil)
	}
}

func (n *cluster) change(c *conn, now map[string]struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for f := range now {
		if _, had := c.watching[f]; !had {
			n.watched[f]++
		}
	}
	for f := range c.watching {
		if _, has := now[f]; has {
			continue
		}
		if n.watched[f]--; n.watched[f] == 0 {
			delete(n.watched, f)
		}
	}
	c.watching = now
	n.listen()
}

// listen listens to the fleets that are watched, or to all at once when one
// connection watches all. n.mu is held.
func (n *cluster) listen() {
	if n.closed {
		return
	}
	all := n.watched[allFleets] > 0
	for f := range n.watched {
		if n.listening[f] != nil || all && f != allFleets {
			continue
		}
		stop, err := n.bus.Listen(subjectLive+f, n.hear())
		if err != nil {
			n.b.log.Error("drivers on other nodes are not seen", "fleet", f, "error", err)
			continue
		}
		n.listening[f] = stop
	}
	for f, stop := range n.listening {
		if n.watched[f] == 0 || all && f != allFleets {
			stop()
			delete(n.listening, f)
		}
	}
}

func (n *cluster) unlisten() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for f, stop := range n.listening {
		stop()
		delete(n.listening, f)
	}
}

// watchedFleet returns the fleet that a filter of reports names, or allFleets.
func watchedFleet(filter string) string {
	_, rest, _ := strings.Cut(filter, "/")
	id, _, _ := strings.Cut(rest, "/")
	if !fleet.ValidID(id) {
		return allFleets
	}
	return id
}

var errShared = errors.New("is not a publication of another node")

// sharedRetain is the flag beside the QoS, which has the lowest two bits.
const sharedRetain = 4

// appendShared encodes a publication for other nodes: a byte of flags, the topic
// and the properties after two bytes of length each, and the payload.
func appendShared(dst []byte, topic string, p *packet.Publish) []byte {
	flags := p.QoS
	if p.Retain {
		flags |= sharedRetain
	}
	dst = append(dst, flags)
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(topic))), topic...)
	props := p.Props
	if len(props) > 1<<16-1 {
		props = nil // more than any client of ours says
	}
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(props))), props...)
	return append(dst, p.Payload...)
}

// parseShared decodes it. p keeps parts of b.
func parseShared(b []byte) (topic string, p packet.Publish, err error) {
	if len(b) == 0 || b[0] >= 2*sharedRetain || b[0]&3 > 2 {
		return "", p, errShared
	}
	p.QoS, p.Retain = b[0]&3, b[0]&sharedRetain != 0
	b = b[1:]
	for _, part := range []*[]byte{&p.Topic, &p.Props} {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return "", p, errShared
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		*part, b = b[2:n], b[n:]
	}
	p.Payload = b
	topic = string(p.Topic)
	if !fleet.ValidTopic(topic) {
		return "", p, errShared
	}
	return topic, p, nil
}
