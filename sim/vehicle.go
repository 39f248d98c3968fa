package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// A vehicle drives the streets at random: it prefers to go straight on, brakes
// for turns, waits at some junctions, and stands a while at the end of each
// errand.
type vehicle struct {
	roads  *network
	rng    *rand.Rand
	from   int     // the junction behind
	on     street  // the street it is on
	next   street  // the one it will take at the end
	along  float64 // metres from the junction behind
	speed  float64 // m/s
	factor float64 // of the speed limit that this driver likes
	errand float64 // metres still to go
	stop   float64 // seconds that it will stand at the end of the street
	wait   float64 // seconds that it still stands now
}

// m/s²: a laden van.
const (
	acceleration = 1.5
	braking      = 2.0
)

func newVehicle(roads *network, rng *rand.Rand) *vehicle {
	v := &vehicle{roads: roads, rng: rng, factor: 0.8 + 0.3*rng.Float64()}
	for {
		v.from = rng.IntN(len(roads.at))
		if streets := roads.streets[v.from]; len(streets) > 0 {
			v.enter(streets[rng.IntN(len(streets))])
			break
		}
	}
	v.errand = 3000 * rng.Float64()
	v.along = v.on.length * rng.Float64()
	return v
}

// enter puts v at the start of s and decides what it does at its end.
func (v *vehicle) enter(s street) {
	v.on, v.along = s, 0
	v.next = v.choose(s)
	switch {
	case v.errand < 0:
		v.stop = 20 + 100*v.rng.Float64()
		v.errand = 800 + 3200*v.rng.Float64()
	case v.rng.IntN(5) == 0: // a red light
		v.stop = 5 + 25*v.rng.Float64()
	default:
		v.stop = 0
	}
}

// choose returns a street at the end of s: straight on three times as often as
// any turn, and back only out of a dead end.
func (v *vehicle) choose(s street) street {
	var choices []street
	var back street
	for _, o := range v.roads.streets[s.end] {
		angle := turn(s.bearing, o.bearing)
		switch {
		case angle > 0.95*math.Pi:
			back = o
		case angle < math.Pi/6:
			choices = append(choices, o, o, o)
		default:
			choices = append(choices, o)
		}
	}
	if len(choices) == 0 {
		return back
	}
	return choices[v.rng.IntN(len(choices))]
}

// turn returns the angle between two bearings, 0 to π.
func turn(a, b float64) float64 {
	return math.Abs(math.Remainder(b-a, 2*math.Pi))
}

// endSpeed is how fast v may be at the end of its street.
func (v *vehicle) endSpeed() float64 {
	if v.stop > 0 {
		return 0
	}
	straight := math.Max(0, math.Cos(turn(v.on.bearing, v.next.bearing)))
	return 3 + straight*(math.Min(v.on.limit, v.next.limit)*v.factor-3)
}

// advance moves v by d.
func (v *vehicle) advance(d time.Duration) {
	const step = 0.5 // seconds
	for left := d.Seconds(); left > 0; left -= step {
		dt := math.Min(step, left)
		if v.wait > 0 {
			v.wait -= dt
			continue
		}
		remaining := v.on.length - v.along
		end := v.endSpeed()
		allowed := math.Min(v.on.limit*v.factor, math.Sqrt(end*end+2*braking*math.Max(0, remaining)))
		v.speed = math.Min(v.speed+acceleration*dt, allowed)
		v.along += math.Max(v.speed, 0.5) * dt // creep, so that the end is reached
		if v.along < v.on.length {
			continue
		}
		v.errand -= v.on.length
		v.from = v.on.end
		if v.stop > 0 {
			v.wait, v.speed = v.stop, 0
		}
		v.enter(v.next)
	}
}

// place returns where v is, in metres east and north of the centre.
func (v *vehicle) place() point {
	p := v.roads.at[v.from]
	sin, cos := math.Sincos(v.on.bearing)
	return point{p.x + v.along*sin, p.y + v.along*cos}
}

// heading returns degrees clockwise from north, 0 <= h < 360.
func (v *vehicle) heading() float64 {
	return math.Mod(math.Mod(v.on.bearing*180/math.Pi, 360)+360, 360)
}
