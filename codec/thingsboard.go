package codec

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// ThingsBoard decodes telemetry in the style of ThingsBoard: {"ts","values":{…}}
// with ts in milliseconds, flat {…}, or an array of these. Without a ts it
// happened at receipt, as there. The keys are free; those that leave no doubt
// are read, and the rest, a speed in an unknown unit among it, stays under ext.
// What has no position is ignored.
func ThingsBoard(payload []byte, receivedAt time.Time) (Message, error) {
	return readings(payload, "ts", func(val []byte, r *reading) error {
		var values []byte
		err := scanObject(val, func(key, val []byte) (err error) {
			switch string(key) {
			case "ts":
				r.FixAt, err = timestamp("ts", val, time.Millisecond)
			case "values":
				if !isObject(val) {
					return fleet.Invalid("values", "must be an object")
				}
				values = val
			}
			return err
		})
		if err != nil {
			return err
		}
		if values == nil {
			values = val
		}
		if r.FixAt.IsZero() {
			r.FixAt = receivedAt.UTC().Truncate(time.Millisecond)
		}
		return scanObject(values, r.telemetry)
	})
}

func (r *reading) telemetry(key, val []byte) (err error) {
	switch string(key) {
	case "ts":
	case "latitude", "lat":
		err = r.lat("latitude", val)
	case "longitude", "lon", "lng", "long":
		err = r.lon("longitude", val)
	case "accuracy", "accuracy_m":
		r.Accuracy, err = positive("accuracy", val, 1)
	case "altitude", "altitude_m":
		r.Altitude, err = number("altitude", val)
	case "speed_mps":
		r.Speed, err = positive("speed_mps", val, 1)
	case "heading", "heading_deg", "bearing", "course":
		r.Heading, err = positive("heading", val, 1)
	case "batteryLevel", "batLvl", "battery_pct":
		r.Battery, err = positive("batteryLevel", val, 1)
	default:
		err = r.keep(key, val)
	}
	return err
}
