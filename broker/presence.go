package broker

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// presence knows which drivers are connected, from connects and disconnects here
// and what other nodes tell of theirs. A driver who is back within the debounce
// was never away. Each node tells its own clients.
type presence struct {
	b *Broker

	mu      sync.Mutex
	drivers map[driverKey]*present
	closing bool

	unsaved map[driverKey]fleet.Presence // the newest of each driver that the store does not have
	save    chan struct{}
}

type driverKey struct{ fleet, driver string }

type present struct {
	connections int
	elsewhere   int // other nodes that it is connected to
	told        fleet.Presence
	leaving     *time.Timer // tells that the driver is gone
}

func newPresence(b *Broker) *presence {
	return &presence{
		b:       b,
		drivers: make(map[driverKey]*present),
		unsaved: make(map[driverKey]fleet.Presence),
		save:    make(chan struct{}, 1),
	}
}

// arrived counts a connection that speaks for a driver.
func (p *presence) arrived(k driverKey, source string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.stays(k)
	d.connections++
	if d.told.State != "online" {
		p.tell(k, d, fleet.Presence{State: "online", At: now(), Source: source})
	}
	if d.connections == 1 {
		p.b.cluster.arrived(k, d.told)
	}
}

// stays returns what is known of a driver who is not leaving any more. The lock
// is held.
func (p *presence) stays(k driverKey) *present {
	d := p.drivers[k]
	if d == nil {
		d = &present{}
		p.drivers[k] = d
	}
	if d.leaving != nil {
		d.leaving.Stop()
		d.leaving = nil
	}
	return d
}

// arrivedElsewhere counts a node that a driver is connected to, and that has it
// saved. The lock is held.
func (p *presence) arrivedElsewhere(k driverKey, what fleet.Presence) {
	d := p.stays(k)
	d.elsewhere++
	if d.told.State != "online" {
		p.show(k, d, what)
	}
}

// leftElsewhere counts one less. Every node tells, in case that one cannot. The
// lock is held.
func (p *presence) leftElsewhere(k driverKey, what fleet.Presence) {
	d := p.drivers[k]
	if d == nil {
		return
	}
	d.elsewhere--
	p.gone(k, d, what)
}

// left counts one less, and tells so after the debounce when it was the last.
func (p *presence) left(k driverKey, source, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.drivers[k]
	if d == nil {
		return
	}
	d.connections--
	what := fleet.Presence{State: "offline", At: now(), Reason: reason, Source: source}
	if d.connections == 0 && !p.closing {
		p.b.cluster.left(k, what)
	}
	p.gone(k, d, what)
}

// gone has a driver leave who is connected nowhere. The lock is held.
func (p *presence) gone(k driverKey, d *present, last fleet.Presence) {
	if d.connections == 0 && d.elsewhere == 0 && !p.closing {
		p.leaveLater(k, d, last)
	}
}

// leaveLater tells last when nobody has come back by then. The lock is held.
func (p *presence) leaveLater(k driverKey, d *present, last fleet.Presence) {
	d.leaving = time.AfterFunc(p.b.opts.Debounce, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if d.connections > 0 || d.elsewhere > 0 || p.closing || p.drivers[k] != d {
			return
		}
		p.tell(k, d, last)
		delete(p.drivers, k)
	})
}

// tell publishes a change and has it saved. The lock is held.
func (p *presence) tell(k driverKey, d *present, what fleet.Presence) {
	p.unsaved[k] = what
	select {
	case p.save <- struct{}{}:
	default:
	}
	p.show(k, d, what)
}

// show publishes a change on this node. The lock is held.
func (p *presence) show(k driverKey, d *present, what fleet.Presence) {
	d.told = what
	p.b.live.presence(k, what.State == "online")
	body, err := json.Marshal(what)
	if err != nil {
		p.b.log.Error("presence message", "error", err)
		return
	}
	p.b.publishHere(fleet.DriverTopic(k.fleet, k.driver, "presence"), body, true, 1)
}

// restore takes over what a former process left behind: whoever it knew as
// online and does not come back within the debounce is offline.
func (p *presence) restore(ctx context.Context) error {
	online, err := p.b.opts.Presence.OnlineDrivers(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range online {
		k := driverKey{s.Fleet, s.Driver}
		if p.drivers[k] != nil {
			continue
		}
		d := &present{told: fleet.Presence{State: "unknown"}}
		p.drivers[k] = d
		p.leaveLater(k, d, fleet.Presence{State: "offline", At: now(), Reason: "not seen since the server started", Source: s.Source})
	}
	return nil
}

// run keeps the store up to date until ctx is done. A store that is away is
// waited for; meanwhile only the newest of each driver is kept.
func (p *presence) run(ctx context.Context) {
	if p.b.opts.Presence == nil {
		return
	}
	restored := false
	for retry := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-p.save:
		case <-time.After(retry):
		}
		retry = time.Minute
		err := error(nil)
		if !restored {
			err = p.restore(ctx)
			restored = err == nil
		}
		if err == nil {
			err = p.saveAll(ctx)
		}
		if err != nil && ctx.Err() == nil {
			p.b.log.Error("presence not saved", "error", err, "retry_in", "2s")
			retry = 2 * time.Second
		}
	}
}

func (p *presence) saveAll(ctx context.Context) error {
	for {
		changes := p.unsavedChanges()
		if len(changes) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := p.b.opts.Presence.SavePresences(ctx, changes)
		cancel()
		if err != nil {
			return err
		}
		p.mu.Lock()
		for _, c := range changes {
			if k := (driverKey{c.Fleet, c.Driver}); p.unsaved[k] == c.Presence {
				delete(p.unsaved, k)
			}
		}
		p.mu.Unlock()
	}
}

// savedAtOnce bounds the drivers of one transaction of the store.
const savedAtOnce = 1000

func (p *presence) unsavedChanges() []fleet.PresenceChange {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := make([]fleet.PresenceChange, 0, min(len(p.unsaved), savedAtOnce))
	for k, what := range p.unsaved {
		if len(changes) == savedAtOnce {
			break
		}
		changes = append(changes, fleet.PresenceChange{Fleet: k.fleet, Driver: k.driver, Presence: what})
	}
	return changes
}

// close tells no more: the drivers have not gone, this process has.
func (p *presence) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	for _, d := range p.drivers {
		if d.leaving != nil {
			d.leaving.Stop()
		}
	}
}

// presenceSource names the client: the suffix of its id, or a device's own id.
func presenceSource(c *conn) string {
	claims := c.claims.Load()
	if _, suffix, ok := strings.Cut(c.clientID, ":"); ok && claims.Role == fleet.RoleDriver && !c.assigned {
		return suffix
	}
	return string(claims.Role) + ":" + claims.Subject
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
