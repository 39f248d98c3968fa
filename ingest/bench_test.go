package ingest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/stream"
)

// BenchmarkDrain works off a backlog of publications of one fix each, as the
// broker leaves them, into SQLite: of 10,000 drivers all of whose fixes are kept,
// and of 200 drivers of whose fixes one in hundreds is.
func BenchmarkDrain(b *testing.B) {
	b.Run("kept", func(b *testing.B) { benchmarkDrain(b, 10_000, 5*time.Second) })
	b.Run("thinned", func(b *testing.B) { benchmarkDrain(b, 200, 2*time.Millisecond) })
}

func benchmarkDrain(b *testing.B, drivers int, every time.Duration) {
	dir := b.TempDir()
	log, err := stream.Open(b.Context(), stream.Options{Dir: filepath.Join(dir, "stream")})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	s, err := sqlite.Open(b.Context(), filepath.Join(dir, "dray.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	r := &rig{log: log, acks: make(chan error, b.N), store: &faulty{database: s, saved: make(chan *fleet.Batch, b.N+1)}}
	for i := range b.N {
		turn := i / drivers
		p := says(fmt.Sprintf("d%d", i%drivers), "location", "")
		p.Payload = codec.AppendFixes(nil, []fleet.Fix{{
			FixAt: noon.Add(time.Duration(turn) * every), Lat: 59.3, Lon: 18.1, Accuracy: fleet.Some(5), Speed: fleet.Some(13.2),
			Heading: fleet.Some(91.5), Battery: fleet.Some(77), Boot: "b1c2d3e4", Seq: int64(turn), HasSeq: true, Source: "phone",
		}})
		p.Decoded = true
		p.ReceivedAt = p.ReceivedAt.Add(time.Hour) // a backlog that is not late needs no scout
		if err := log.Append(p, r, uint64(i)); err != nil {
			b.Fatal(err)
		}
	}
	for range b.N {
		if err := <-r.acks; err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	go func() { done <- ingest.New(log, r.store, ingest.Options{MinInterval: 5 * time.Second}).Run(ctx) }()
	for left := int64(b.N); left > 0; {
		batch := <-r.store.saved
		left -= int64(len(batch.Positions))
		for _, n := range batch.Thinned {
			left -= n
		}
	}
	b.StopTimer()
	b.ReportMetric((cpuTime(b)-before).Seconds()/float64(b.N)*1e5, "cpu-s/100k")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fixes/s")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}

// cpuTime is what this process has used: on a busy machine the better measure.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
