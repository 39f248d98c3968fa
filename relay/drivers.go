package relay

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// maxWaiting bounds the drivers that wait for what they have to answer.
const maxWaiting = 100_000

type driverKey struct{ fleet, id string }

// drivers are those that have connected and are not told yet what they have to
// answer, each once.
type drivers struct {
	mu      sync.Mutex
	waiting map[driverKey]struct{}
	came    signal
}

func (d *drivers) init() {
	d.waiting = map[driverKey]struct{}{}
	d.came = newSignal()
}

// DriverConnected has a driver told its configuration, and the offers and
// commands that it has not answered yet. It is to be called when the driver has subscribed, from
// anywhere: it does not block.
func (r *Relay) DriverConnected(fleetID, driver string) {
	r.drivers.mu.Lock()
	if len(r.drivers.waiting) < maxWaiting {
		r.drivers.waiting[driverKey{fleetID, driver}] = struct{}{}
	} else {
		r.m.dropped.WithLabelValues("drivers").Inc()
	}
	r.drivers.mu.Unlock()
	r.drivers.came.give()
}

// greet tells the drivers that wait. One that could not be told waits on.
func (r *Relay) greet(ctx context.Context) (bool, error) {
	r.drivers.mu.Lock()
	waiting := make([]driverKey, 0, len(r.drivers.waiting))
	for d := range r.drivers.waiting {
		waiting = append(waiting, d)
	}
	clear(r.drivers.waiting)
	r.drivers.mu.Unlock()
	for i, d := range waiting {
		if err := r.tellDriver(ctx, d); err != nil {
			for _, d := range waiting[i:] {
				r.DriverConnected(d.fleet, d.id)
			}
			return false, err
		}
	}
	return false, nil
}

func (r *Relay) tellDriver(ctx context.Context, d driverKey) error {
	switch c, err := r.store.DriverConfig(ctx, d.fleet, d.id); {
	case err == nil:
		payload, err := json.Marshal(c)
		if err != nil {
			return err
		}
		r.send(fleet.DriverTopic(d.fleet, d.id, "config"), payload, true)
	case !errors.Is(err, fleet.ErrNotFound):
		return err
	}
	offers, err := r.store.PendingOffers(ctx, d.fleet, d.id)
	if err != nil {
		return err
	}
	for _, o := range offers {
		if err := r.sendOffer(o); err != nil {
			return err
		}
	}
	commands, err := r.store.PendingCommands(ctx, d.fleet, d.id, time.Now())
	if err != nil {
		return err
	}
	for _, c := range commands {
		payload, err := json.Marshal(c)
		if err != nil {
			return err
		}
		r.send(fleet.DriverTopic(d.fleet, d.id, "commands"), payload, false)
	}
	return nil
}
