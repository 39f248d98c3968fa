package codec

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

const maxWord = 32 // bytes of a short word such as a network's kind

// Health decodes the payload of a driver's health topic: at, battery_pct,
// network, permission, app and queue, all optional. A zero At means the time of
// receipt.
func Health(payload []byte) (fleet.Health, error) {
	var h fleet.Health
	var unknown ext
	err := scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "at":
			h.At, err = timestamp("at", val, time.Millisecond)
		case "battery_pct":
			h.Battery, err = number("battery_pct", val)
		case "network":
			h.Network, err = text("network", val, maxWord)
		case "permission":
			h.Permission, err = text("permission", val, maxWord)
		case "app":
			h.App, err = text("app", val, maxWord)
		case "queue":
			h.Queue, err = number("queue", val)
		default:
			err = unknown.add(key, val)
		}
		return err
	})
	switch {
	case err != nil:
		return fleet.Health{}, err
	case h.Battery.OK && (h.Battery.V < 0 || h.Battery.V > 100):
		return fleet.Health{}, fleet.Invalid("battery_pct", "must be between 0 and 100")
	case h.Queue.OK && (h.Queue.V < 0 || h.Queue.V > 1e9):
		return fleet.Health{}, fleet.Invalid("queue", "must be between 0 and 1000000000")
	}
	h.Ext = unknown
	return h, plausible("at", h.At)
}

// Duty decodes the payload of a driver's duty topic. A zero time means the time
// of receipt.
func Duty(payload []byte) (fleet.Duty, time.Time, error) {
	var state string
	var when time.Time
	err := scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "state":
			state, err = text("state", val, maxWord)
		case "at":
			when, err = timestamp("at", val, time.Millisecond)
		}
		return err
	})
	if err != nil {
		return "", time.Time{}, err
	}
	switch d := fleet.Duty(state); d {
	case fleet.DutyOn, fleet.DutyOff, fleet.DutyBreak:
		return d, when, plausible("at", when)
	}
	return "", time.Time{}, fleet.Invalid("state", "must be on, off or break")
}

// plausible holds a time to the years that a fix may have; zero is not told.
func plausible(field string, t time.Time) error {
	if !t.IsZero() && (t.Year() < 2000 || t.Year() >= 2200) {
		return fleet.Invalid(field, "is not a plausible time")
	}
	return nil
}
