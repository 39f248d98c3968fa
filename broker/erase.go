package broker

import (
	"encoding/json"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

// Erased is to be told when the data of a driver was erased: its place leaves the
// live frames, and what is retained of its last connection goes, on every node.
// What it reports from then on is shown as ever.
func (b *Broker) Erased(fleetID, driver string) {
	k := driverKey{fleetID, driver}
	b.forgetDriver(k)
	b.cluster.erased(k)
}

// TellErased is Erased for a process that has no broker: those of the other nodes
// hear of it.
func TellErased(bus Bus, fleetID, driver string) error {
	return tellNodes(bus.Send, erasedNote(driverKey{fleetID, driver}))
}

func erasedNote(k driverKey) note {
	return note{Kind: noteErased, Drivers: []notedDriver{{Fleet: k.fleet, Driver: k.driver}}}
}

func (b *Broker) forgetDriver(k driverKey) {
	b.live.forget(k)
	b.presence.forget(k)
}

// forget leaves of a driver whether it is connected.
func (l *live) forget(k driverKey) {
	f := l.fleet(k.fleet)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgotten++
	if t := f.drivers[k.driver]; t != nil {
		t.placed = false
		t.entry = codec.LiveEntry{Index: t.index, Flags: t.entry.Flags & codec.LiveOnline}
	}
}

// forget takes back when and how a driver was last seen. Whoever is connected
// still is: the store, which has forgotten that as well, is told anew by the node
// of the connection.
func (p *presence) forget(k driverKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return
	}
	delete(p.unsaved, k)
	switch d := p.drivers[k]; {
	case d == nil:
		p.forgetLast(k)
	case d.connections > 0:
		p.tell(k, d, fleet.Presence{State: "online", At: now(), Source: d.told.Source})
	case d.elsewhere == 0: // within the debounce
		p.leaveLater(k, p.stays(k), fleet.Presence{State: "offline", At: now()})
	}
}

// forgetLast replaces the last words about a driver who has gone.
func (p *presence) forgetLast(k driverKey) {
	body, err := json.Marshal(fleet.Presence{State: "offline", At: now()})
	if err != nil {
		p.b.log.Error("presence message", "error", err)
		return
	}
	p.b.publishHere(fleet.DriverTopic(k.fleet, k.driver, "presence"), body, true, 1)
}

// erased tells the other nodes.
func (n *cluster) erased(k driverKey) {
	if n != nil {
		_ = n.tell(erasedNote(k)) // counted
	}
}
