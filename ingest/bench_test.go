package ingest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/stream"
)

// BenchmarkDrain works off a backlog of publications of one fix each, from
// 10,000 drivers, into SQLite.
func BenchmarkDrain(b *testing.B) {
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
		at := noon.Add(time.Duration(i/10_000) * 5 * time.Second)
		p := says(fmt.Sprintf("d%d", i%10_000), "location",
			`{"fix_at":%d,"lat":59.%d,"lon":18.1,"accuracy_m":5,"speed_mps":13.2,"heading_deg":91.5,"battery_pct":77}`, at.UnixMilli(), i%1000)
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
	b.ResetTimer()
	go func() { done <- ingest.New(log, r.store, ingest.Options{MinInterval: 5 * time.Second}).Run(ctx) }()
	for left := b.N; left > 0; {
		left -= len((<-r.store.saved).Positions)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "positions/s")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
