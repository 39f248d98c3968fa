package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/storetest"
)

func openMigrated(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a ?&%x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return openMigrated(t) })
}

// What was saved is there for the next program, and for nobody else.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dray.db")
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	p := fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: noon, Fix: fleet.Fix{FixAt: noon, Lat: 1, Lon: 2, Boot: "b", Seq: 1, HasSeq: true}}
	for i, want := range []fleet.Saved{{Positions: 1}, {Duplicates: 1}} {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: []fleet.Position{p}}); err != nil || got != want {
			t.Errorf("run %d: saved %+v, error %v, want %+v", i, got, err, want)
		}
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("mode of %s is %o, want 600", name, mode)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A database that is moved away is away: what would be written into it then would
// be missing after a restart.
func TestMovedFile(t *testing.T) {
	s := openMigrated(t)
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b := &fleet.Batch{Positions: []fleet.Position{{Fleet: "acme", Driver: "d1", ReceivedAt: noon, Fix: fleet.Fix{FixAt: noon, Lat: 1, Lon: 2, Boot: "b", Seq: 1, HasSeq: true}}}}
	if err := os.Rename(s.path, s.path+".away"); err != nil {
		t.Fatal(err)
	}
	if saved, err := s.SaveBatch(t.Context(), b); !errors.Is(err, errMoved) {
		t.Errorf("saved %+v, error %v, want %v", saved, err, errMoved)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("Ping: %v, want %v", err, errMoved)
	}
	if _, err := os.Stat(s.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("another file was made in its place: %v", err)
	}
	if err := os.Rename(s.path+".away", s.path); err != nil {
		t.Fatal(err)
	}
	if saved, err := s.SaveBatch(t.Context(), b); err != nil || saved != (fleet.Saved{Positions: 1}) {
		t.Errorf("put back: saved %+v, error %v", saved, err)
	}
}

// A full disk passes: what could not be written is tried again.
func TestFullDisk(t *testing.T) {
	s := openMigrated(t)
	if _, err := s.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	var err error
	for i := 0; err == nil && i < 200; i++ {
		_, err = s.CreateShipment(t.Context(), fleet.Actor{}, fleet.Shipment{Fleet: "acme", ID: fmt.Sprint("s", i), Note: strings.Repeat("x", 1000)})
	}
	if !errors.Is(err, fleet.ErrAway) {
		t.Errorf("on a full disk: %v, want %v", err, fleet.ErrAway)
	}
}

func TestOpenWhereNothingCanBe(t *testing.T) {
	if s, err := Open(t.Context(), filepath.Join(t.TempDir(), "no", "such", "folder.db")); err == nil {
		t.Error("Open: no error", s.Close())
	}
}

// The pragmas that the promise "synced to disk" stands on.
func TestPragmas(t *testing.T) {
	s := openMigrated(t)
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.writer.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, error %v, want %q", name, got, err, want)
		}
	}
}

func BenchmarkSaveBatch(b *testing.B) {
	storetest.Bench(b, func(t testing.TB) storetest.Store { return openMigrated(t) })
}

func BenchmarkDrivers(b *testing.B) {
	storetest.BenchDrivers(b, func(t testing.TB) storetest.Store { return openMigrated(t) })
}
