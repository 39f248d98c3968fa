package storetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A day's work of the fleet of BenchHistory.
const (
	historyDrivers = 60
	historyFixes   = 5000
)

// BenchHistory measures what a position takes on disk, by size, and how long it
// takes to read a driver's day of 5,000 fixes and a moment of the fleet, plain
// and packed. Size returns how much the store takes, in bytes.
func BenchHistory[S Store](b *testing.B, open func(testing.TB) S, size func(testing.TB, S) int64) {
	for name, every := range map[string]float64{"shift of 10h": 7.2, "24h": 17.2} {
		b.Run(name, func(b *testing.B) { benchHistory(b, open(b), every, size) })
	}
}

func benchHistory[S Store](b *testing.B, s S, every float64, size func(testing.TB, S) int64) {
	empty := size(b, s)
	saveDay(b, s, every)
	const n = historyDrivers * historyFixes
	b.Run("plain", func(b *testing.B) { readHistory(b, s, float64(size(b, s)-empty)/n) })
	if done, err := s.Pack(b.Context(), noon.Add(36*time.Hour), atOnce); err != nil || done.Positions != n {
		b.Fatalf("packed %+v, error %v", done, err)
	}
	b.Run("packed", func(b *testing.B) { readHistory(b, s, float64(size(b, s)-empty)/n) })
}

func readHistory(b *testing.B, s Store, bytes float64) {
	var times []time.Duration
	b.Run("driver-day", func(b *testing.B) {
		times = nil
		for i := 0; b.Loop(); i++ {
			began, n := time.Now(), 0
			q := fleet.TrackQuery{Fleet: "acme", Driver: fmt.Sprintf("d%03d", i*7%historyDrivers), From: noon.Add(-12 * time.Hour), To: noon.Add(12 * time.Hour)}
			if err := s.Track(b.Context(), q, func(*fleet.Position) error { n++; return nil }); err != nil || n != historyFixes {
				b.Fatalf("%d positions, error %v", n, err)
			}
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(bytes, "B/position")
	})
	b.Run("moment", func(b *testing.B) {
		for b.Loop() {
			if list, err := s.ReplayAt(b.Context(), "acme", noon); err != nil || len(list) != historyDrivers {
				b.Fatalf("%d positions, error %v", len(list), err)
			}
		}
	})
}

// saveDay saves a day's fixes around noon, so many seconds apart, in the order
// of arrival: all drivers at once, with the noise of receivers and networks.
func saveDay(b *testing.B, s Store, every float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	type vehicle struct{ lat, lon, speed, heading float64 }
	vehicles := make([]vehicle, historyDrivers)
	for i := range vehicles {
		vehicles[i] = vehicle{59 + rng.Float64(), 17 + rng.Float64(), 14, rng.Float64() * 360}
	}
	var batch fleet.Batch
	for round := range historyFixes {
		for i := range vehicles {
			v := &vehicles[i]
			v.speed = min(max(v.speed+rng.NormFloat64(), 0), 30)
			v.heading = math.Mod(v.heading+rng.NormFloat64()*8+360, 360)
			v.lat += v.speed * every * math.Cos(v.heading*math.Pi/180) / 111_195
			v.lon += v.speed * every * math.Sin(v.heading*math.Pi/180) / 111_195 / math.Cos(v.lat*math.Pi/180)
			p := pos((float64(round)-historyFixes/2)*every+float64(i)/100, driver(fmt.Sprintf("d%03d", i)),
				place(v.lat+rng.NormFloat64()*2/111_195, v.lon+rng.NormFloat64()*4/111_195), numbered("b1c2d3e4", int64(round)))
			p.FixAt = p.FixAt.Add(time.Duration(rng.NormFloat64()*20) * time.Millisecond).Truncate(time.Millisecond)
			p.ReceivedAt = p.FixAt.Add(time.Duration(40_000+rng.ExpFloat64()*30_000) * time.Microsecond)
			p.Speed, p.Heading, p.Accuracy = fleet.Some(math.Round(v.speed*100)/100), fleet.Some(math.Round(v.heading*10)/10), fleet.Some(math.Round(3+rng.ExpFloat64()*20)/10+3)
			batch.Positions = append(batch.Positions, p)
		}
		if len(batch.Positions) >= 6000 || round == historyFixes-1 {
			if _, err := s.SaveBatch(b.Context(), &batch); err != nil {
				b.Fatal(err)
			}
			batch.Positions = batch.Positions[:0]
		}
	}
}
