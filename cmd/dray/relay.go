package main

import (
	"context"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/relay"
)

// openRelay carries events out of the database: to MQTT where there is a broker,
// and to webhooks.
func (n *node) openRelay(context.Context) error {
	var publisher relay.Publisher // a nil *Broker would not be nil in it
	if n.broker != nil {
		publisher = n.broker
	}
	n.relay = relay.New(n.store, publisher, relay.Options{
		AllowPrivate: n.c.Webhooks.AllowPrivate, Logger: n.log, Registerer: n.metrics,
		Alerts: fleet.AlertLimits{
			Silent: n.c.Alerts.SilentAfter, Unacknowledged: n.c.Alerts.UnacknowledgedAfter, Battery: float64(n.c.Alerts.Battery),
		},
	})
	n.add("relay", n.relay.Run)
	return nil
}

// credentials is the store as auth asks it for devices.
type credentials struct {
	store interface {
		Device(ctx context.Context, fleetID, id string) (fleet.Device, error)
	}
}

func (c credentials) Device(ctx context.Context, fleetID, id string) (auth.Device, error) {
	d, err := c.store.Device(ctx, fleetID, id)
	return auth.Device{Driver: d.Driver, SecretHash: d.SecretHash, SecretAt: d.SecretAt, Disabled: d.Disabled}, err
}
