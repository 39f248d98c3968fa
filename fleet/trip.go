package fleet

import (
	"math"
	"time"
)

// A trip begins when a vehicle leaves a place and ends when it stands again.
const (
	StopRadius = 100.0 // metres within which a vehicle stands
	StopAfter  = 5 * time.Minute
	TripGap    = 30 * time.Minute // without a fix for longer, what was before is another trip
	shortTrip  = time.Minute      // a jump of the receiver, and no trip

	// longestTrip is what a store holds, 50 times around the earth. Further comes
	// only a receiver that jumps about.
	longestTrip = math.MaxInt32
)

// A Trip is a driver's way from one stop to the next.
type Trip struct {
	From, To         time.Time
	FromLat, FromLon float64
	ToLat, ToLon     float64
	Distance         float64 // metres along the fixes
	Points           int     // fixes it was made from
	Ended            string  // "stop", "gap", or empty while it goes on
}

// A Stop is where a driver stood between two trips.
type Stop struct {
	From, To time.Time
	Lat, Lon float64
}

// Stops returns where the driver stood between trips, which are in order.
func Stops(trips []Trip) []Stop {
	var stops []Stop
	for i := range trips {
		if i+1 < len(trips) && trips[i].Ended == "stop" {
			stops = append(stops, Stop{From: trips[i].To, To: trips[i+1].From, Lat: trips[i].ToLat, Lon: trips[i].ToLon})
		}
	}
	return stops
}

// A TripFinder takes one driver's fixes, oldest first, and finds the trips in
// them. The zero value is ready for use.
type TripFinder struct {
	Trips []Trip // those that are over

	any    bool
	last   Fix
	anchor Fix // the first fix of the place where it stands, or may be standing
	trip   *Trip
	// What the trip was when it came to anchor.
	distance float64
	points   int
}

// Add takes the next fix. One too inaccurate to tell standing from driving is
// left out.
func (t *TripFinder) Add(f Fix) {
	if f.Accuracy.OK && f.Accuracy.V > StopRadius {
		return
	}
	t.Finish(f.FixAt)
	switch {
	case !t.any:
		t.any, t.anchor = true, f
	case t.trip == nil:
		if Metres(t.anchor.Lat, t.anchor.Lon, f.Lat, f.Lon) > StopRadius {
			t.trip = &Trip{From: t.last.FixAt, FromLat: t.last.Lat, FromLon: t.last.Lon, Points: 1}
			t.extend(f)
			t.settle(f)
		}
	default:
		t.extend(f)
		if Metres(t.anchor.Lat, t.anchor.Lon, f.Lat, f.Lon) > StopRadius {
			t.settle(f)
		} else if f.FixAt.Sub(t.anchor.FixAt) >= StopAfter {
			t.end("stop")
		}
	}
	t.last = f
}

func (t *TripFinder) extend(f Fix) {
	t.trip.Distance = min(t.trip.Distance+Metres(t.last.Lat, t.last.Lon, f.Lat, f.Lon), longestTrip)
	t.trip.Points++
}

// settle notes that the vehicle may stand from f on.
func (t *TripFinder) settle(f Fix) {
	t.anchor, t.distance, t.points = f, t.trip.Distance, t.trip.Points
}

// Finish ends the trip that goes on when there is no fix in TripGap before now.
func (t *TripFinder) Finish(now time.Time) {
	if !t.any || now.Sub(t.last.FixAt) <= TripGap {
		return
	}
	if t.trip != nil {
		t.settle(t.last)
		t.end("gap")
	}
	t.any = false
}

// end closes the trip at the anchor.
func (t *TripFinder) end(how string) {
	if t.trip == nil {
		return
	}
	trip := *t.trip
	t.trip = nil
	trip.To, trip.ToLat, trip.ToLon = t.anchor.FixAt, t.anchor.Lat, t.anchor.Lon
	trip.Distance, trip.Points, trip.Ended = t.distance, t.points, how
	if trip.To.Sub(trip.From) >= shortTrip {
		t.Trips = append(t.Trips, trip)
	}
}

// Open returns the trip that goes on, as far as it has come; nil when none does.
func (t *TripFinder) Open() *Trip {
	if t.trip == nil {
		return nil
	}
	trip := *t.trip
	trip.To, trip.ToLat, trip.ToLon = t.last.FixAt, t.last.Lat, t.last.Lon
	return &trip
}

// Settled returns the time from which the fixes have to be read again to go on:
// the start of the trip that is not over, or the last fix. It is zero when there
// was none.
func (t *TripFinder) Settled() time.Time {
	if t.trip != nil {
		return t.trip.From
	}
	return t.last.FixAt
}

// Metres returns the distance of two places on a sphere.
func Metres(lat1, lon1, lat2, lon2 float64) float64 {
	const radius, degree = 6_371_008.8, math.Pi / 180
	dLat, dLon := (lat2-lat1)*degree/2, (lon2-lon1)*degree/2
	h := math.Sin(dLat)*math.Sin(dLat) + math.Cos(lat1*degree)*math.Cos(lat2*degree)*math.Sin(dLon)*math.Sin(dLon)
	return 2 * radius * math.Asin(math.Sqrt(min(1, h)))
}
