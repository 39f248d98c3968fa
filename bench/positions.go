package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dray-fleet/dray/bench/servers"
	"github.com/dray-fleet/dray/fleet"
)

// morning is when the fleets of the store benchmarks begin to drive.
var morning = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// step is how far a driver gets in a turn at most, in degrees: about 70 m.
const step = 0.00125

// A convoy reports the positions of a fleet: each driver in its turn, in an
// order that is random once.
type convoy struct {
	drivers  []string
	lat, lon []float64     // where each driver is
	interval time.Duration // between the fixes of one driver
	rng      *rand.Rand
	next     int
}

// newConvoy returns that of so many drivers, numbered from first on.
func newConvoy(first, drivers int, interval time.Duration) *convoy {
	c := &convoy{interval: interval, rng: rand.New(rand.NewPCG(1, uint64(first)))}
	for _, i := range c.rng.Perm(drivers) {
		c.drivers = append(c.drivers, fmt.Sprintf("driver-%06d", first+i))
		c.lat, c.lon = append(c.lat, 59+c.rng.Float64()), append(c.lon, 17+c.rng.Float64())
	}
	return c
}

// batch returns the next n positions.
func (c *convoy) batch(n int) []fleet.Position {
	ps := make([]fleet.Position, n)
	for i := range ps {
		turn, driver := c.next/len(c.drivers), c.next%len(c.drivers)
		c.next++
		c.lat[driver] += (c.rng.Float64() - 0.5) * step
		c.lon[driver] += (c.rng.Float64() - 0.5) * step
		at := morning.Add(time.Duration(turn)*c.interval + c.interval*time.Duration(driver)/time.Duration(len(c.drivers)))
		ps[i] = fleet.Position{
			Fleet: servers.Fleet, Driver: c.drivers[driver], ReceivedAt: at.Add(300 * time.Millisecond),
			Fix: fleet.Fix{
				FixAt: at, SentAt: at.Add(200 * time.Millisecond), Lat: c.lat[driver], Lon: c.lon[driver],
				Accuracy: fleet.Some(5), Speed: fleet.Some(13.9), Heading: fleet.Some(c.rng.Float64() * 360),
				Boot: "b1c2d3e4", Seq: int64(turn), HasSeq: true,
			},
		}
	}
	return ps
}
