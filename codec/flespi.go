package codec

import "time"

// Flespi decodes messages in the style of flespi: an object with dotted names,
// or an array of them. timestamp is in seconds with a fraction, position.speed
// in km/h. Messages without a valid position are ignored.
func Flespi(payload []byte) (Message, error) {
	return readings(payload, "timestamp", func(val []byte, r *reading) error {
		valid := true
		err := scanObject(val, func(key, val []byte) (err error) {
			switch string(key) {
			case "timestamp":
				r.FixAt, err = timestamp("timestamp", val, time.Second)
			case "position.latitude":
				err = r.lat("position.latitude", val)
			case "position.longitude":
				err = r.lon("position.longitude", val)
			case "position.altitude":
				r.Altitude, err = number("position.altitude", val)
			case "position.speed": // km/h
				r.Speed, err = positive("position.speed", val, kmh)
			case "position.direction":
				r.Heading, err = positive("position.direction", val, 1)
			case "battery.level":
				r.Battery, err = positive("battery.level", val, 1)
			case "position.valid":
				valid = !isFalse(val)
			default:
				err = r.keep(key, val)
			}
			return err
		})
		r.hasLat = r.hasLat && valid
		return err
	})
}
