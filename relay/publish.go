package relay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
)

// reader is the name under which the position of the MQTT side is kept.
const reader = "mqtt"

// publish publishes the feed from where the last relay stopped, while this one
// is alone.
func (r *Relay) publish(ctx context.Context) error {
	after, err := r.store.Position(ctx, reader)
	if breakage.NoOutbox {
		after, err = r.store.LastEvent(ctx)
	}
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		events, err := r.store.Events(ctx, fleet.EventQuery{After: after, Limit: page})
		if err != nil {
			return err
		}
		if len(events) == 0 {
			wait(ctx, r.published, r.opts.Sweep)
			continue
		}
		for _, e := range events {
			if err := r.publishEvent(ctx, e); err != nil {
				return err
			}
		}
		after = events[len(events)-1].Cursor
		if err := r.store.SavePosition(ctx, reader, after); err != nil {
			return err
		}
	}
	return nil
}

// publishEvent publishes e on the topics of docs/mqtt.md.
func (r *Relay) publishEvent(ctx context.Context, e fleet.Event) error {
	if ctx.Err() != nil {
		return ctx.Err() // another relay has taken over
	}
	if !fleet.ValidID(e.Fleet) || !fleet.ValidID(e.ID) { // only a hand can write such ones
		r.m.dropped.WithLabelValues("id").Inc()
		return nil
	}
	_, what, _ := strings.Cut(e.Kind, ".")
	switch e.Entity {
	case "shipment":
		r.send(fleet.ShipmentTopic(e.Fleet, e.ID), e.Data, false)
		if what == "updated" {
			return r.offerAgain(ctx, e)
		}
	case "assignment":
		r.send(fleet.AssignmentTopic(e.Fleet, e.ID), e.Data, false)
		switch what {
		case "offered", "withdrawn", "expired":
			return r.offer(ctx, e.Fleet, e.ID)
		}
	case "alert":
		var alert struct{ Kind string }
		if err := json.Unmarshal(e.Data, &alert); err != nil || !fleet.ValidID(alert.Kind) {
			r.m.dropped.WithLabelValues("kind").Inc()
			return nil
		}
		r.send(fleet.AlertTopic(e.Fleet, alert.Kind), e.Data, false)
	case "geofence":
		switch what {
		case "entered", "left", "dwelled":
			r.send(fleet.GeofenceTopic(e.Fleet, e.ID), e.Data, false)
		}
	case "command":
		if what != "sent" {
			break // it is in the feed
		}
		var command struct{ Driver string }
		if err := json.Unmarshal(e.Data, &command); err != nil || !fleet.ValidID(command.Driver) {
			r.m.dropped.WithLabelValues("driver").Inc()
			return nil
		}
		r.send(fleet.DriverTopic(e.Fleet, command.Driver, "commands"), e.Data, false)
	case "driver":
		switch what {
		case "error":
			r.send(fleet.DriverTopic(e.Fleet, e.ID, "errors"), e.Data, false)
		case "config":
			r.send(fleet.DriverTopic(e.Fleet, e.ID, "config"), e.Data, true)
		}
	}
	r.m.lag.Observe(time.Since(e.At).Seconds())
	return nil
}

func (r *Relay) send(topic string, payload []byte, retain bool) {
	r.publisher.Publish(topic, payload, retain, 1)
	r.m.published.Inc()
}

// offer tells a driver what an assignment is now, with its shipment.
func (r *Relay) offer(ctx context.Context, fleetID, id string) error {
	a, err := r.store.Assignment(ctx, fleetID, id)
	if err == nil {
		var s fleet.Shipment
		if s, err = r.store.Shipment(ctx, fleetID, a.Shipment); err == nil {
			return r.sendOffer(fleet.Offer{Assignment: a, Shipment: s})
		}
	}
	if errors.Is(err, fleet.ErrNotFound) {
		return nil // deleted meanwhile, which is an event of its own
	}
	return err
}

func (r *Relay) sendOffer(o fleet.Offer) error {
	payload, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if !fleet.ValidID(o.Driver) {
		r.m.dropped.WithLabelValues("driver").Inc()
		return nil
	}
	r.send(fleet.DriverTopic(o.Assignment.Fleet, o.Driver, "assignments"), payload, false)
	return nil
}

// offerAgain tells the driver who has a shipment, and is not done with it, what
// is written on it now.
func (r *Relay) offerAgain(ctx context.Context, e fleet.Event) error {
	s, err := r.store.Shipment(ctx, e.Fleet, e.ID)
	switch {
	case errors.Is(err, fleet.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	switch s.Status {
	case fleet.StatusAssigned, fleet.StatusAccepted, fleet.StatusPickedUp, fleet.StatusInTransit, fleet.StatusArrived:
		return r.offer(ctx, e.Fleet, s.Assignment)
	}
	return nil
}
