package codec

import (
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Teltonika decodes the Codec JSON that FMB and FMC devices publish to
// {imei}/data: {"state":{"reported":{…}}}, the shape of a device shadow. The
// AVL ids stay under ext as the raw integers that they are. The answer to a
// command, and a record without a position, are ignored.
func Teltonika(payload []byte) (Message, error) {
	var reported []byte
	answer := false
	err := scanObject(payload, func(key, val []byte) error {
		switch string(key) {
		case "RSP":
			answer = true
		case "state":
			if !isObject(val) {
				return fleet.Invalid("state", "must be an object")
			}
			return scanObject(val, func(key, val []byte) error {
				if string(key) == "reported" {
					reported = val
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return Message{}, err
	case answer:
		return Message{Ignored: ignoredKind}, nil
	case reported == nil || !isObject(reported):
		return Message{}, fleet.Invalid("state.reported", "must be an object")
	}
	return teltonikaRecord(reported)
}

func teltonikaRecord(reported []byte) (Message, error) {
	r := reading{clock: "ts"}
	r.Trigger = "time"
	err := scanObject(reported, func(key, val []byte) (err error) {
		switch string(key) {
		case "ts":
			r.FixAt, err = timestamp("ts", val, time.Millisecond)
			return err
		case "latlng":
			return r.latlng("latlng", val)
		case "alt":
			r.Altitude, err = number("alt", val)
			return err
		case "ang":
			r.Heading, err = number("ang", val)
			return err
		case "sp": // km/h
			r.Speed, err = scaled("sp", val, kmh)
			return err
		case "evt": // the AVL id that caused the record; 0 is the timer
			if !isFalse(val) {
				r.Trigger = "event"
			}
		case "pr": // 2 is panic
			if string(val) == "2" {
				r.Trigger = "event"
			}
		}
		return r.keep(key, val)
	})
	if err != nil {
		return Message{}, err
	}
	if r.Speed.OK && r.Speed.V == 0 {
		r.Heading = fleet.Opt{} // the device repeats the last, or 0
	}
	return r.message()
}

// latlng reads "lat,lng"; exactly 0,0 is what a device sends that has no fix.
func (r *reading) latlng(field string, val []byte) error {
	s, err := text(field, val, 64)
	if err != nil {
		return err
	}
	lat, lon, _ := strings.Cut(s, ",")
	if lon = strings.TrimSpace(lon); !isNumeral(lat) || !isNumeral(lon) {
		return fleet.Invalid(field, `must be two numbers as "lat,lng"`)
	}
	if err := r.lat(field, []byte(lat)); err != nil {
		return err
	}
	return r.lon(field, []byte(lon))
}
