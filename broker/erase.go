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

func (b *Broker) forgetDriver(k driverKey) {
	b.live.forget(k)
	b.presence.forget(k)
}

// forget leaves of a driver whether it is connected.
func (l *live) forget(k driverKey) {
	f := l.fleet(k.fleet)
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.drivers[k.driver]; t != nil {
		t.placed = false
		t.entry = codec.LiveEntry{Index: t.index, Flags: t.entry.Flags & codec.LiveOnline}
	}
}

// forget takes back when and how a driver was last seen who is not connected.
func (p *presence) forget(k driverKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drivers[k] != nil || p.closing {
		return
	}
	delete(p.unsaved, k)
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
		_ = n.tell(note{Kind: noteErased, Drivers: []notedDriver{{Fleet: k.fleet, Driver: k.driver}}}) // counted
	}
}
