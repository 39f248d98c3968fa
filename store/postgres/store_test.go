package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/storetest"
)

func openEmpty(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openMigrated(t testing.TB) *Store {
	t.Helper()
	s := openEmpty(t)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return openMigrated(t) })
}

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func batchOf(hours ...int) *fleet.Batch {
	b := &fleet.Batch{}
	for _, h := range hours {
		at := noon.Add(time.Duration(h) * time.Hour)
		b.Positions = append(b.Positions, fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: at, Fix: fleet.Fix{FixAt: at, Lat: 1, Lon: 2}})
	}
	return b
}

func saveBatch(t *testing.T, s *Store, b *fleet.Batch, want fleet.Saved) {
	t.Helper()
	if got, err := s.SaveBatch(t.Context(), b); err != nil || got != want {
		t.Errorf("saved %+v, error %v, want %+v", got, err, want)
	}
}

func TestOnePartitionADay(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, batchOf(0, 1, 24, 48), fleet.Saved{Positions: 4})
	names, err := collect(t.Context(), s, "list partitions", func(row pgx.CollectableRow) (name string, err error) { return name, row.Scan(&name) },
		"SELECT tableoid::regclass::text FROM positions GROUP BY 1 ORDER BY 1")
	if diff := cmp.Diff([]string{"positions_20260501", "positions_20260502", "positions_20260503"}, names); err != nil || diff != "" {
		t.Errorf("partitions: error %v (-want +got):\n%s", err, diff)
	}
}

func TestPartitionDroppedMeanwhile(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, batchOf(0), fleet.Saved{Positions: 1})
	if _, err := s.pool.Exec(t.Context(), "DROP TABLE positions_20260501"); err != nil {
		t.Fatal(err)
	}
	saveBatch(t, s, batchOf(1), fleet.Saved{Positions: 1})
}

// A server that goes away in the middle leaves nothing behind, and the batch is
// saved when it is sent again.
func TestConnectionLost(t *testing.T) {
	s := openMigrated(t)
	saveBatch(t, s, batchOf(0), fleet.Saved{Positions: 1})
	blocker, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(t.Context(), "LOCK TABLE latest"); err != nil {
		t.Fatal(err)
	}
	b := batchOf(1)
	b.Latest, b.Offset = b.Positions, &fleet.Offset{Stream: "s", Seq: 7}
	failed := make(chan error, 1)
	go func() {
		_, err := s.SaveBatch(t.Context(), b)
		failed <- err
	}()
	for killed := false; !killed; { // until the batch waits for the lock and its connection is ended
		err := s.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_locks
			WHERE NOT granted AND relation = 'latest'::regclass`).Scan(&killed)
		if err != nil {
			t.Fatal(err)
		}
	}
	var invalid *fleet.InvalidError
	if err := <-failed; err == nil || errors.As(err, &invalid) {
		t.Errorf("SaveBatch: error %v, want one that says the database is away", err)
	}
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seq, err := s.Offset(t.Context(), "s", 0); err != nil || seq != 0 {
		t.Errorf("offset %d, error %v, want 0", seq, err)
	}
	saveBatch(t, s, b, fleet.Saved{Positions: 1})
	saveBatch(t, s, b, fleet.Saved{Skipped: true})
}

func TestCheckBeforeAndAfterMigrate(t *testing.T) {
	s := openEmpty(t)
	if err := s.Check(t.Context()); err == nil {
		t.Error("Check of an empty database: no error")
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestOpenNobodyThere(t *testing.T) {
	if s, err := Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"); err == nil {
		t.Error("Open: no error", s.Close())
	}
}

func BenchmarkSaveBatch(b *testing.B) {
	storetest.Bench(b, func(t testing.TB) storetest.Store { return openMigrated(t) })
}

func BenchmarkDrivers(b *testing.B) {
	storetest.BenchDrivers(b, func(t testing.TB) storetest.Store { return openMigrated(t) })
}
