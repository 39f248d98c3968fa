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

// Status decodes a status report (docs/mqtt.md).
func Status(payload []byte) (fleet.StatusReport, error) {
	var r fleet.StatusReport
	err := scanObject(payload, func(key, val []byte) (err error) {
		var word string
		switch string(key) {
		case "status":
			word, err = text("status", val, maxWord)
			r.Status = fleet.Status(word)
		case "at":
			r.At, err = timestamp("at", val, time.Millisecond)
		case "note":
			r.Note, err = text("note", val, fleet.MaxNote)
		case "lat":
			r.Lat, err = number("lat", val)
		case "lon":
			r.Lon, err = number("lon", val)
		case "proof":
			r.Proof, err = proof(val)
		case "version":
			if !isNull(val) {
				r.Version, err = integer("version", val)
			}
		}
		return err
	})
	if err == nil {
		err = plausible("at", r.At)
	}
	switch {
	case err != nil:
		return fleet.StatusReport{}, err
	case !fleet.ValidStatus(r.Status):
		return fleet.StatusReport{}, fleet.Invalid("status", "is not in the table of statuses")
	case r.Lat.OK != r.Lon.OK:
		return fleet.StatusReport{}, fleet.Invalid("lat", "and lon go together")
	case r.Lat.V < -90 || r.Lat.V > 90:
		return fleet.StatusReport{}, fleet.Invalid("lat", "must be between -90 and 90")
	case r.Lon.V < -180 || r.Lon.V > 180:
		return fleet.StatusReport{}, fleet.Invalid("lon", "must be between -180 and 180")
	case r.Version < 0:
		return fleet.StatusReport{}, fleet.Invalid("version", "must not be negative")
	}
	return r, nil
}

func proof(val []byte) (*fleet.Proof, error) {
	if isNull(val) {
		return nil, nil
	}
	if !isObject(val) {
		return nil, fleet.Invalid("proof", "must be an object")
	}
	var p fleet.Proof
	err := scanObject(val, func(key, val []byte) (err error) {
		switch string(key) {
		case "name":
			p.Name, err = text("proof.name", val, fleet.MaxNote)
		case "signature":
			p.Signature, err = text("proof.signature", val, fleet.MaxProof)
		case "photo":
			p.Photo, err = text("proof.photo", val, fleet.MaxProof)
		}
		return err
	})
	return &p, err
}

// Receipt decodes a driver's answer to an assignment (docs/mqtt.md).
func Receipt(payload []byte) (fleet.AssignmentReceipt, error) {
	word, at, reason, err := receipt(payload)
	r := fleet.AssignmentReceipt{State: fleet.ReceiptState(word), At: at, Reason: reason}
	if err == nil && !fleet.ValidReceiptState(r.State) {
		err = fleet.Invalid("state", "must be received, seen, accepted or declined")
	}
	if err != nil {
		return fleet.AssignmentReceipt{}, err
	}
	return r, nil
}

// receipt reads what answers to assignments and to commands have in common.
func receipt(payload []byte) (state string, at time.Time, reason string, err error) {
	err = scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "state":
			state, err = text("state", val, maxWord)
		case "at":
			at, err = timestamp("at", val, time.Millisecond)
		case "reason":
			reason, err = text("reason", val, fleet.MaxNote)
		}
		return err
	})
	if err == nil {
		err = plausible("at", at)
	}
	return state, at, reason, err
}
