package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/storetest"
)

func BenchmarkHistory(b *testing.B) {
	storetest.BenchHistory(b, func(t testing.TB) *Store { return openMigrated(t) }, func(t testing.TB, s *Store) int64 {
		n, err := one(t.Context(), s, "size", pgx.RowTo[int64], `SELECT sum(pg_total_relation_size(oid))::int8 FROM pg_class
			WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`)
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
}

func tablesLike(t *testing.T, s *Store) []string {
	t.Helper()
	names, err := collect(t.Context(), s, "list tables", pgx.RowTo[string], `SELECT relname::text FROM pg_class WHERE relkind = 'r'
		AND relnamespace = current_schema()::regnamespace AND relname ~ '^(positions|closing|packed)_2' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func packAt(t *testing.T, s *Store, before time.Time, want fleet.Packing) {
	t.Helper()
	got, err := s.Pack(t.Context(), before, func(time.Duration) error { return nil })
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Pack: error %v (-want +got):\n%s", err, diff)
	}
}

// A day that is over is dropped as a whole; late positions bring it back until
// the next pass, and a day that is not over stays.
func TestPackedDaysAreDropped(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, batchOf(0, 1, 24), fleet.Saved{Positions: 3})
	before := noon.Add(13 * time.Hour)
	for _, late := range []int{2, 3} {
		packAt(t, s, before, fleet.Packing{Hours: 4 - late, Positions: 4 - late})
		if diff := cmp.Diff([]string{"packed_202605", "positions_20260502"}, tablesLike(t, s)); diff != "" {
			t.Errorf("tables (-want +got):\n%s", diff)
		}
		saveBatch(t, s, batchOf(late), fleet.Saved{Positions: 1})
	}
}

// While somebody reads the day it stays, and the next pass takes it.
func TestPackGivesWayToReaders(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, batchOf(0), fleet.Saved{Positions: 1})
	reader, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), "SELECT count(*) FROM positions"); err != nil {
		t.Fatal(err)
	}
	packAt(t, s, noon.AddDate(0, 0, 1), fleet.Packing{})
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	packAt(t, s, noon.AddDate(0, 0, 1), fleet.Packing{Hours: 1, Positions: 1})
}

// A store that saved before another one erased knows of it in time.
func TestErasedByAnotherProgram(t *testing.T) {
	s := openMigrated(t)
	other, err := Open(t.Context(), s.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	saveBatch(t, other, batchOf(0), fleet.Saved{Positions: 1})
	if _, err := s.EraseDriver(t.Context(), "acme", "d1", fleet.AuditEntry{}); err != nil {
		t.Fatal(err)
	}
	saveBatch(t, other, batchOf(0, 1), fleet.Saved{Erased: 2})
}
