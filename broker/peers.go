package broker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/dray-fleet/dray/broker/packet"
	"github.com/dray-fleet/dray/fleet"
)

const (
	beatEvery  = time.Second
	deadAfter  = 5 * time.Second  // without a beat
	forgetLost = 10 * time.Minute // a lost node's name; a node that starts has a new one
	notedMost  = 1000             // drivers in one note
	surelyOld  = 2 * time.Second  // age of a connection that is older than any CONNECT still on its way
)

// Kinds of notes.
const (
	noteBeat     = "beat"     // the node lives; Seq is that of its last arrival or departure
	noteArrived  = "arrived"  // the first connection of a driver to the node
	noteLeft     = "left"     // the last one has gone
	noteAsk      = "ask"      // To, or every node when that is empty, is to send a snapshot
	noteSnapshot = "snapshot" // drivers that are connected to the node, as of Seq, in parts
	noteBye      = "bye"      // the node stops
	noteTakeOver = "takeover" // a client has connected to the node
	noteErased   = "erased"   // the data of these drivers was erased
)

// A note is what nodes tell one another besides publications, as JSON. Arrivals
// and departures of a node are numbered, so that another one that has missed
// some asks for all.
type note struct {
	Kind    string        `json:"kind"`
	Seq     uint64        `json:"seq,omitempty"`
	Drivers []notedDriver `json:"drivers,omitempty"`
	First   bool          `json:"first,omitempty"` // parts of a snapshot
	Last    bool          `json:"last,omitempty"`

	To   string `json:"to,omitempty"`
	Lost bool   `json:"lost,omitempty"` // its drivers were told offline meanwhile

	Key string    `json:"key,omitempty"` // the session's
	At  time.Time `json:"at,omitzero"`   // of the CONNECT
}

type notedDriver struct {
	Fleet    string         `json:"fleet"`
	Driver   string         `json:"driver"`
	Presence fleet.Presence `json:"presence"`
}

// A peer is another node, as of its notes.
type peer struct {
	seen    time.Time
	lost    bool
	synced  bool // drivers is right as of seq
	seq     uint64
	asked   time.Time
	drivers map[driverKey]fleet.Presence
	coming  map[driverKey]fleet.Presence // of a snapshot under way
}

func (n *cluster) tell(m note) error { return tellNodes(n.send, m) }

func tellNodes(send func(subject string, data []byte) error, m note) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return send(subjectNodes, data)
}

// beatUntil says that this node lives, and finds out who does not, until ctx is
// done.
func (n *cluster) beatUntil(ctx context.Context) {
	_ = n.tell(note{Kind: noteAsk}) // a beat that shows another Seq asks again
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for last := time.Now(); ; {
		away := n.beat() != nil
		now := time.Now()
		n.reap(now, away || now.Sub(last) > 2*beatEvery)
		last = now
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = n.tell(note{Kind: noteBye}) // without it they find out
			return
		}
	}
}

func (n *cluster) beat() error {
	n.b.presence.mu.Lock()
	defer n.b.presence.mu.Unlock()
	return n.tell(note{Kind: noteBeat, Seq: n.seq})
}

// reap finds the nodes that have died. A node that was away itself, from the bus
// or altogether, cannot tell.
func (n *cluster) reap(now time.Time, away bool) {
	n.b.presence.mu.Lock()
	defer n.b.presence.mu.Unlock()
	for name, p := range n.peers {
		switch {
		case p.lost && now.Sub(p.seen) > forgetLost:
			delete(n.peers, name)
		case p.lost:
		case away:
			p.seen = now
		case now.Sub(p.seen) > deadAfter:
			n.b.log.Error("another node is gone", "node", name, "drivers", len(p.drivers))
			n.lose(p, "the server it was connected to is gone")
		}
	}
	n.count()
}

// lose takes a node's drivers as gone. presence.mu is held.
func (n *cluster) lose(p *peer, reason string) {
	for k, was := range p.drivers {
		n.b.presence.leftElsewhere(k, fleet.Presence{State: "offline", At: now(), Reason: reason, Source: was.Source})
	}
	p.drivers, p.coming, p.lost, p.synced = nil, nil, true, false
}

func (n *cluster) count() {
	alive := 0
	for _, p := range n.peers {
		if !p.lost {
			alive++
		}
	}
	n.alive.Store(int64(alive))
}

// note takes a note of another node.
func (n *cluster) note(node string, data []byte) {
	var m note
	if err := json.Unmarshal(data, &m); err != nil {
		n.b.drop("malformed message of another node")
		return
	}
	switch m.Kind {
	case noteTakeOver:
		n.takenOver(m)
		return
	case noteErased:
		for _, d := range m.Drivers {
			n.b.forgetDriver(driverKey{d.Fleet, d.Driver})
		}
		return
	}
	n.b.presence.mu.Lock()
	defer n.b.presence.mu.Unlock()
	if n.b.presence.closing {
		return
	}
	p := n.peers[node]
	if m.Kind == noteBye {
		if p != nil {
			n.lose(p, "the server it was connected to has stopped")
			delete(n.peers, node)
			n.count()
		}
		return
	}
	if p == nil {
		p = &peer{}
		n.peers[node] = p
	}
	p.seen = time.Now()
	switch m.Kind {
	case noteBeat:
		if !p.synced || p.seq != m.Seq {
			n.ask(node, p)
		}
	case noteArrived, noteLeft:
		n.step(node, p, m)
	case noteAsk:
		if m.To == "" || m.To == n.b.opts.Node {
			n.snapshot(m.Lost)
		}
	case noteSnapshot:
		n.take(p, m)
	}
	n.count()
}

// ask asks a node for its drivers, at most once a beat.
func (n *cluster) ask(node string, p *peer) {
	if now := time.Now(); now.Sub(p.asked) >= beatEvery/2 {
		p.asked = now
		_ = n.tell(note{Kind: noteAsk, To: node, Lost: p.lost}) // the next beat asks again
	}
}

// step takes one arrival or departure, the next after those that are known.
func (n *cluster) step(node string, p *peer, m note) {
	if !p.synced || m.Seq != p.seq+1 {
		p.synced = false
		n.ask(node, p)
		return
	}
	p.seq = m.Seq
	for _, d := range m.Drivers {
		k := driverKey{d.Fleet, d.Driver}
		_, had := p.drivers[k]
		if m.Kind == noteArrived && !had {
			p.drivers[k] = d.Presence
			n.b.presence.arrivedElsewhere(k, d.Presence)
		}
		if m.Kind == noteLeft && had {
			delete(p.drivers, k)
			n.b.presence.leftElsewhere(k, d.Presence)
		}
	}
}

// take takes a part of a snapshot; with the last one it is in force.
func (n *cluster) take(p *peer, m note) {
	if m.First {
		p.coming = make(map[driverKey]fleet.Presence)
	}
	if p.coming == nil {
		return // the first part was missed: the next beat asks again
	}
	for _, d := range m.Drivers {
		p.coming[driverKey{d.Fleet, d.Driver}] = d.Presence
	}
	if !m.Last {
		return
	}
	former := p.drivers
	p.drivers, p.coming, p.seq, p.synced, p.lost = p.coming, nil, m.Seq, true, false
	for k, what := range p.drivers {
		if _, had := former[k]; !had {
			n.b.presence.arrivedElsewhere(k, what)
		}
	}
	for k, was := range former {
		if _, has := p.drivers[k]; !has {
			n.b.presence.leftElsewhere(k, fleet.Presence{State: "offline", At: now(), Reason: "connection lost", Source: was.Source})
		}
	}
}

// snapshot tells who is connected here. With lost another node has told them
// offline, which a newer word has to put right in the store.
func (n *cluster) snapshot(lost bool) {
	m := note{Kind: noteSnapshot, Seq: n.seq, First: true}
	for k, d := range n.b.presence.drivers {
		if d.connections == 0 {
			continue
		}
		if lost {
			n.b.presence.tell(k, d, fleet.Presence{State: "online", At: now(), Source: d.told.Source})
		}
		if m.Drivers = append(m.Drivers, notedDriver{k.fleet, k.driver, d.told}); len(m.Drivers) == notedMost {
			_ = n.tell(m) // what is missing is asked for again
			m.First, m.Drivers = false, nil
		}
	}
	m.Last = true
	_ = n.tell(m)
}

// arrived and left tell that a driver's first connection to this node is there,
// or the last one gone. presence.mu is held.
func (n *cluster) arrived(k driverKey, what fleet.Presence) { n.moved(noteArrived, k, what) }
func (n *cluster) left(k driverKey, what fleet.Presence)    { n.moved(noteLeft, k, what) }

func (n *cluster) moved(kind string, k driverKey, what fleet.Presence) {
	if n != nil {
		n.seq++
		_ = n.tell(note{Kind: kind, Seq: n.seq, Drivers: []notedDriver{{k.fleet, k.driver, what}}}) // the next beat shows that it is missing
	}
}

// takeOver ends the connections that c's client has to other nodes.
func (n *cluster) takeOver(c *conn) {
	if n != nil {
		_ = n.tell(note{Kind: noteTakeOver, Key: c.key, At: c.openedAt}) // counted
	}
}

// takenOver ends the connection of a client that has connected elsewhere, unless
// the one here is the newer. Clocks of nodes differ a little: they decide only
// between two that are made at about the same time.
func (n *cluster) takenOver(m note) {
	c := n.b.sessions.connected(m.Key)
	if c == nil || time.Since(c.openedAt) < surelyOld && c.openedAt.After(m.At) {
		return
	}
	c.end(packet.CodeTakenOver, "taken over by another connection")
}
