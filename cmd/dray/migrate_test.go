package main

import (
	"context"
	"database/sql"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/dray-fleet/dray/store/postgrestest"
)

// onBoth runs test with the settings of either database, and a way to open it
// beside the program.
func onBoth(t *testing.T, test func(t *testing.T, dir string, env []string, open func() *sql.DB)) {
	opened := func(t *testing.T, driver, name string) *sql.DB {
		db, err := sql.Open(driver, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, dir, nil, func() *sql.DB {
			return opened(t, "sqlite", "file:"+filepath.Join(dir, "dray.db")+"?_pragma=busy_timeout(10000)")
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := postgrestest.URL(t)
		test(t, t.TempDir(), []string{"DRAY_STORE_URL=" + url}, func() *sql.DB { return opened(t, "pgx", url) })
	})
}

// A migration that is killed half-way is completed by the next start.
func TestMigrationKilledHalfWay(t *testing.T) {
	onBoth(t, func(t *testing.T, dir string, env []string, open func() *sql.DB) {
		const kills = 12
		path, err := program()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, errs, err := command(t, t.TempDir(), nil, "migrate"); err != nil {
			t.Fatalf("migrate: %v\n%s", err, errs)
		}
		length := time.Since(began) * 3 / 2 // PostgreSQL takes longer
		for i := range kills {
			ctx, cancel := context.WithTimeout(t.Context(), length*time.Duration(i+1)/kills)
			cmd := exec.CommandContext(ctx, path, "migrate") // ends with SIGKILL
			cmd.Env = environment(dir, env...)
			_ = cmd.Run()
			cancel()
		}
		p := start(t, dir, env...)
		if status := p.get("/drivers", p.token("admin", "root"), nil); status != 200 {
			t.Errorf("GET /drivers = %d", status)
		}
		if err := p.stop(); err != nil {
			t.Errorf("stop: %v\n%s", err, p.out.String())
		}
		var applied, distinct int
		if err := open().QueryRowContext(t.Context(), "SELECT count(*), count(DISTINCT version_id) FROM goose_db_version").Scan(&applied, &distinct); err != nil {
			t.Fatal(err)
		}
		if applied != distinct || applied < 5 {
			t.Errorf("%d migrations are noted, %d different ones", applied, distinct)
		}
	})
}

// A program that is older than the database says so, and ends.
func TestNewerDatabaseIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, dir string, env []string, open func() *sql.DB) {
		if out, errs, err := command(t, dir, env, "migrate"); err != nil {
			t.Fatalf("migrate: %v\n%s%s", err, out, errs)
		}
		if _, err := open().ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"serve"}, {"migrate"}} {
			_, errs, err := command(t, dir, env, args...)
			if err == nil || !strings.Contains(errs, "9999") || !strings.Contains(errs, "migrated by a newer dray") {
				t.Errorf("dray %s with a newer database: %v, %q", args[0], err, errs)
			}
		}
	})
}
