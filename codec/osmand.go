package codec

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// OsmAndQuery decodes the parameters that OsmAnd and older Traccar clients send
// over HTTP, in the query or as a form (traccar.org/osmand). Speed is in knots.
// A heartbeat without a position becomes a health report.
// receivedAt stands in for a missing timestamp. device is the id that the
// sender gives itself: whose it is must come from its credentials.
func OsmAndQuery(q url.Values, receivedAt time.Time) (device string, m Message, err error) {
	r := reading{clock: "timestamp", Fix: fleet.Fix{FixAt: receivedAt.UTC().Truncate(time.Millisecond)}}
	for _, key := range slices.Sorted(maps.Keys(q)) {
		if len(q[key]) != 1 {
			return "", Message{}, fleet.Invalid(name([]byte(key)), "is given twice")
		}
		value := q.Get(key)
		switch key {
		case "id", "deviceid":
			device = value
		case "valid":
			if value == "false" || value == "0" {
				return device, Message{Ignored: ignoredNoFix}, nil
			}
		case "location":
			quoted, _ := json.Marshal(value) // a string always marshals
			err = r.latlng("location", quoted)
		case "timestamp":
			r.FixAt, err = osmAndTime(value)
		default:
			err = r.osmAndNumber(key, value)
		}
		if err != nil {
			return "", Message{}, err
		}
	}
	if !fleet.ValidID(device) {
		return "", Message{}, fleet.Invalid("id", "must be an id")
	}
	m, err = r.osmAndMessage("lat", "lon", "batt")
	return device, m, err
}

// osmAndMessage is message for a protocol that has heartbeats: one without a
// position tells of the battery. One that tells nothing is a mistake. The
// arguments are what the form calls these things.
func (r *reading) osmAndMessage(lat, lon, battery string) (Message, error) {
	switch {
	case r.hasLat && r.hasLon:
		return r.message()
	case r.hasLat:
		return Message{}, fleet.Invalid(lon, "is required")
	case r.hasLon || !r.Battery.OK:
		return Message{}, fleet.Invalid(lat, "is required")
	case r.Battery.V > 100:
		return Message{}, fleet.Invalid(battery, "must be between 0 and 100")
	}
	return Message{Health: &fleet.Health{At: r.FixAt, Battery: r.Battery, Ext: r.other}}, plausible(r.clock, r.FixAt)
}

func (r *reading) osmAndNumber(key, value string) (err error) {
	val := []byte(value)
	switch key {
	case "lat", "lon", "speed", "bearing", "heading", "altitude", "accuracy", "batt":
		if !isNumeral(value) {
			return fleet.Invalid(key, "must be a number")
		}
	}
	switch key {
	case "lat":
		return r.lat("lat", val)
	case "lon":
		return r.lon("lon", val)
	case "speed":
		r.Speed, err = positive("speed", val, knots)
	case "bearing", "heading":
		r.Heading, err = positive("bearing", val, 1)
	case "altitude":
		r.Altitude, err = number("altitude", val)
	case "accuracy":
		r.Accuracy, err = positive("accuracy", val, 1)
	case "batt":
		r.Battery, err = positive("batt", val, 1)
	default:
		if !fleet.ValidText(key) || !fleet.ValidText(value) {
			return fleet.Invalid(name([]byte(key)), "is not plain text")
		}
		quoted, _ := json.Marshal(value) // a string always marshals
		err = r.keep([]byte(key), quoted)
	}
	return err
}

// osmAndTime reads seconds or milliseconds since 1970, or a date as RFC 3339 or
// as 2006-01-02 15:04:05 in UTC.
func osmAndTime(s string) (time.Time, error) {
	if n, err := strconv.ParseUint(s, 10, 53); err == nil {
		if n < 1e11 { // in milliseconds this would be before 1974
			n *= 1000
		}
		return time.UnixMilli(int64(n)).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC().Round(time.Millisecond), nil
		}
	}
	return time.Time{}, fleet.Invalid("timestamp", "is not a time")
}

// OsmAndJSON decodes what Traccar Client from version 9 posts: {"device_id",
// "location":{"timestamp","coords":{…},"battery":{…},…}}. Speed is in m/s, -1
// is unknown. device is as in OsmAndQuery.
func OsmAndJSON(payload []byte) (device string, m Message, err error) {
	r := reading{clock: "location.timestamp"}
	err = scanObject(payload, func(key, val []byte) (err error) {
		switch string(key) {
		case "device_id":
			device, err = text("device_id", val, fleet.MaxID)
			return err
		case "location":
			if !isObject(val) {
				return fleet.Invalid("location", "must be an object")
			}
			return scanObject(val, r.osmAndLocation)
		}
		return r.keep(key, val)
	})
	switch {
	case err != nil:
		return "", Message{}, err
	case !fleet.ValidID(device):
		return "", Message{}, fleet.Invalid("device_id", "must be an id")
	}
	m, err = r.osmAndMessage("location.coords.latitude", "location.coords.longitude", "location.battery.level")
	return device, m, err
}

func (r *reading) osmAndLocation(key, val []byte) (err error) {
	switch string(key) {
	case "timestamp":
		r.FixAt, err = timestamp("location.timestamp", val, time.Millisecond)
		return err
	case "coords":
		if !isObject(val) {
			return fleet.Invalid("location.coords", "must be an object")
		}
		return scanObject(val, r.osmAndCoords)
	case "battery":
		if isObject(val) {
			return scanObject(val, r.osmAndBattery)
		}
	case "event":
		r.Trigger = "event"
		if string(val) == `"heartbeat"` || isNull(val) {
			r.Trigger = "time"
		}
	}
	return r.keep(key, val)
}

func (r *reading) osmAndCoords(key, val []byte) (err error) {
	switch string(key) {
	case "latitude":
		err = r.lat("location.coords.latitude", val)
	case "longitude":
		err = r.lon("location.coords.longitude", val)
	case "accuracy":
		r.Accuracy, err = positive("location.coords.accuracy", val, 1)
	case "speed":
		r.Speed, err = positive("location.coords.speed", val, 1)
	case "heading":
		r.Heading, err = positive("location.coords.heading", val, 1)
	case "altitude":
		r.Altitude, err = number("location.coords.altitude", val)
	}
	return err // the rest are accuracies of these
}

func (r *reading) osmAndBattery(key, val []byte) (err error) {
	switch string(key) {
	case "level": // 0 to 1
		r.Battery, err = positive("location.battery.level", val, 100)
	case "is_charging":
		err = r.keep(key, val)
	}
	return err
}
