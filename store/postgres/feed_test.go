package postgres

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/storetest"
)

func TestChangesByHand(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
		if len(found) == 0 {
			t.Fatal("this test needs psql: apt-get install -y postgresql-client")
		}
		psql = found[0]
	}
	url := postgrestest.URL(t)
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.ByHand(t, s, func(query string) {
		cmd := exec.CommandContext(t.Context(), psql, "-X", "-v", "ON_ERROR_STOP=1", "-h", cfg.Host, "-p", strconv.Itoa(int(cfg.Port)), "-U", cfg.User, "-d", cfg.Database,
			"-c", "SET search_path TO "+cfg.RuntimeParams["search_path"], "-c", query)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", query, err, out)
		}
	}, cfg.User)
}

// A transaction that began first and commits last is not passed by the cursor.
func TestLateCommitIsNotSkipped(t *testing.T) {
	s := openMigrated(t)
	for _, id := range []string{"early", "late"} {
		if _, err := s.CreateShipment(t.Context(), fleet.System, fleet.Shipment{Fleet: "acme", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	next := func(after int64) []fleet.Event {
		t.Helper()
		if _, err := s.Sequence(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		list, err := s.Events(t.Context(), fleet.EventQuery{After: after, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	created := next(0)
	late, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(t.Context(), "UPDATE shipments SET note = 'late' WHERE id = 'late'"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pool.Exec(t.Context(), "UPDATE shipments SET note = 'early' WHERE id = 'early'"); err != nil {
		t.Fatal(err)
	}
	first := next(created[len(created)-1].Cursor)
	if len(first) != 1 || first[0].ID != "early" {
		t.Fatalf("events %+v, want the one that is committed", first)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := next(first[0].Cursor)
	if len(second) != 1 || second[0].ID != "late" {
		t.Errorf("events %+v, want the one that committed late", second)
	}
}

// The right to be the only one ends with the connection that holds it.
func TestExclusiveEndsWithItsConnection(t *testing.T) {
	s := openMigrated(t)
	ran, err := s.Exclusive(t.Context(), "a", func(ctx context.Context) error {
		for killed := false; !killed; {
			err := s.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_locks
				WHERE locktype = 'advisory' AND objid::bigint = hashtext(current_schema())::bigint & 4294967295`).Scan(&killed)
			if err != nil {
				return err
			}
		}
		<-ctx.Done()
		return nil
	})
	if !ran {
		t.Errorf("ran %v, error %v", ran, err)
	}
}
