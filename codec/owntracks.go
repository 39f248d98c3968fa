package codec

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// OwnTracks decodes the JSON of the OwnTracks apps, whose _type says what it is
// (OwnTracks booklet, tech/json). A location and a transition become a fix, a
// status becomes a health report with what the phone says under ext. Other
// types are about something else and are ignored; an encrypted one is refused,
// since only its sender can do something about it.
func OwnTracks(payload []byte) (Message, error) {
	kind := ""
	err := scanObject(payload, func(key, val []byte) (err error) {
		if string(key) == "_type" {
			kind, err = text("_type", val, maxWord)
		}
		return err
	})
	if err != nil {
		return Message{}, err
	}
	switch kind {
	case "location", "transition":
		return ownTracksFix(payload, kind)
	case "status":
		return ownTracksStatus(payload)
	case "lwt", "waypoint", "waypoints", "beacon", "steps", "card", "cmd", "configuration", "dump", "request":
		return Message{Ignored: ignoredKind}, nil
	case "encrypted":
		return Message{}, fleet.Invalid("_type", "is encrypted: turn the app's payload encryption off, and use TLS")
	}
	return Message{}, fleet.Invalid("_type", "is not one of OwnTracks")
}

func ownTracksFix(payload []byte, kind string) (Message, error) {
	r := reading{clock: "tst"}
	err := scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "lat":
			return r.lat("lat", val)
		case "lon":
			return r.lon("lon", val)
		case "tst":
			r.FixAt, err = timestamp("tst", val, time.Second)
		case "created_at":
			r.SentAt, err = timestamp("created_at", val, time.Second)
		case "acc":
			r.Accuracy, err = positive("acc", val, 1)
		case "alt":
			r.Altitude, err = number("alt", val)
		case "vel": // km/h
			r.Speed, err = positive("vel", val, kmh)
		case "cog":
			r.Heading, err = positive("cog", val, 1)
		case "batt":
			r.Battery, err = positive("batt", val, 1)
		case "_type", "image": // image is a photo, far larger than ext may be
		case "t":
			r.Trigger = ownTracksTrigger(val)
			err = r.keep(key, val)
		default:
			err = r.keep(key, val)
		}
		return err
	})
	if err != nil {
		return Message{}, err
	}
	if kind == "transition" {
		r.Trigger = "event"
	}
	return r.message()
}

// ownTracksTrigger reads t: p ping, c and C region, b beacon, r asked for, u by
// hand, t timer, v move mode.
func ownTracksTrigger(val []byte) string {
	switch string(val) {
	case `"p"`, `"t"`:
		return "time"
	case `"v"`:
		return "distance"
	case `"c"`, `"C"`, `"b"`, `"u"`:
		return "event"
	case `"r"`:
		return "poll"
	}
	return ""
}

func ownTracksStatus(payload []byte) (Message, error) {
	var h fleet.Health
	var other ext
	err := scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "_type":
		case "tst":
			h.At, err = timestamp("tst", val, time.Second)
		default:
			err = other.add(key, val)
		}
		return err
	})
	if err == nil {
		err = plausible("tst", h.At)
	}
	if err != nil {
		return Message{}, err
	}
	h.Ext = other
	return Message{Health: &h}, nil
}
