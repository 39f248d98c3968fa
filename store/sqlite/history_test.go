package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/storetest"
)

// What was on its way when a driver was erased stays away after a restart too.
func TestErasedBeforeRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dray.db")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b := &fleet.Batch{Positions: []fleet.Position{{Fleet: "acme", Driver: "d1", ReceivedAt: at, Fix: fleet.Fix{FixAt: at, Lat: 1, Lon: 2}}}}
	for _, want := range []fleet.Saved{{Positions: 1}, {Erased: 1}} {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.SaveBatch(t.Context(), b); err != nil || got != want {
			t.Errorf("saved %+v, error %v, want %+v", got, err, want)
		}
		if _, err := s.EraseDriver(t.Context(), "acme", "d1", fleet.AuditEntry{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	storetest.BenchHistory(b, func(t testing.TB) *Store { return openMigrated(t) }, func(t testing.TB, s *Store) (n int64) {
		err := s.reader.QueryRowContext(t.Context(), `SELECT (page_count - freelist_count) * page_size
			FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
}
