package fleet

import (
	"math"
	"testing"
	"time"
)

// A receiver that jumps about has no trip that a store cannot hold: it would keep
// those of all others from being stored.
func TestTripOfAJumpingReceiver(t *testing.T) {
	var finder TripFinder
	start := time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC)
	for i := range 1000 { // 10 million km
		finder.Add(Fix{FixAt: start.Add(time.Duration(i) * 5 * time.Second), Lat: 10, Lon: float64(i % 2 * 90)})
	}
	finder.Finish(start.Add(24 * time.Hour))
	if len(finder.Trips) != 1 || finder.Trips[0].Distance != math.MaxInt32 {
		t.Errorf("%+v", finder.Trips)
	}
}
