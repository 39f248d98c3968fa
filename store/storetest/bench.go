package storetest

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Bench measures SaveBatch with what a fleet of 10,000 drivers sends: each once
// in five seconds, in random order, latest kept and an offset with each batch.
func Bench(b *testing.B, open func(testing.TB) Store) {
	for _, numbers := range []bool{false, true} {
		for _, size := range []int{1000, 5000, 20000} {
			b.Run(fmt.Sprintf("numbered=%v/batch=%d", numbers, size), func(b *testing.B) {
				s := open(b)
				next := reporting(10_000, numbers)
				warm := next(10_000)
				if _, err := s.SaveBatch(b.Context(), &fleet.Batch{Positions: warm, Latest: warm}); err != nil {
					b.Fatal(err)
				}
				seq, cpu := uint64(0), time.Duration(0)
				for b.Loop() {
					b.StopTimer()
					ps := next(size)
					seq++
					batch := &fleet.Batch{Offset: &fleet.Offset{Stream: "bench", Seq: seq}, Positions: ps, Latest: ps}
					before := cpuTime()
					b.StartTimer()
					saved, err := s.SaveBatch(b.Context(), batch)
					if err != nil || saved.Positions != size {
						b.Fatalf("saved %+v, error %v", saved, err)
					}
					cpu += cpuTime() - before
				}
				b.ReportMetric(cpu.Seconds()*1e5/float64(size)/float64(b.N), "cpu-s/100k")
				b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "positions/s")
			})
		}
	}
}

// BenchDrivers measures the snapshot of a fleet of 50,000 drivers.
func BenchDrivers(b *testing.B, open func(testing.TB) Store) {
	s := open(b)
	ps := reporting(50_000, false)(50_000)
	if _, err := s.SaveBatch(b.Context(), &fleet.Batch{Latest: ps}); err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]fleet.DriverQuery{
		"page of 1000": {After: "driver-20000"},
		"1% of area":   {Box: &fleet.Box{West: 17.4, South: 59.4, East: 17.5, North: 59.5}},
	} {
		q.Fleet, q.Limit = "acme", 1000
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if list, err := s.Drivers(b.Context(), q); err != nil || len(list) < 100 {
					b.Fatalf("%d drivers, error %v", len(list), err)
				}
			}
		})
	}
}

// cpuTime is what this process has used: on a busy machine the better measure. A
// database server's share is not in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reporting returns the next n positions of a fleet on its way: some 70 m from
// one report of a driver to the next.
func reporting(drivers int, numbers bool) func(n int) []fleet.Position {
	rng := rand.New(rand.NewPCG(1, 2))
	order := rng.Perm(drivers)
	lat, lon := make([]float64, drivers), make([]float64, drivers)
	for i := range lat {
		lat[i], lon[i] = 59+rng.Float64(), 17+rng.Float64()
	}
	count := 0
	return func(n int) []fleet.Position {
		ps := make([]fleet.Position, n)
		for i := range ps {
			d, round := order[count%drivers], count/drivers
			sec := float64(round*5) + float64(d%5000)/1000
			lat[d], lon[d] = lat[d]+rng.NormFloat64()/2000, lon[d]+rng.NormFloat64()/1000
			p := pos(sec, driver(fmt.Sprintf("driver-%05d", d)), place(lat[d], lon[d]))
			p.Speed, p.Heading, p.Accuracy, p.Battery = fleet.Some(13.9), fleet.Some(rng.Float64()*360), fleet.Some(5), fleet.Some(80)
			p.SentAt = p.FixAt.Add(200 * time.Millisecond)
			if numbers {
				numbered("b1c2d3e4", int64(round))(&p)
			}
			ps[i] = p
			count++
		}
		return ps
	}
}
