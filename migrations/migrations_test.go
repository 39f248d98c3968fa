package migrations_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/dray-fleet/dray/migrations"
	"github.com/dray-fleet/dray/store/postgrestest"
)

func openDB(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestPostgresStartedByManyAtOnce(t *testing.T) {
	db := openDB(t, "pgx", postgrestest.URL(t))
	var wg sync.WaitGroup
	versions := make([]int64, 4)
	for i := range versions {
		wg.Go(func() {
			v, err := migrations.Postgres(t.Context(), db)
			if err != nil {
				t.Error(err)
			}
			versions[i] = v
		})
	}
	wg.Wait()
	for _, v := range versions {
		if v == 0 || v != versions[0] {
			t.Errorf("versions %v, want the same in all", versions)
		}
	}
	if err := migrations.CheckPostgres(t.Context(), db); err != nil {
		t.Errorf("CheckPostgres: %v", err)
	}
}

func TestPostgresNotMigrated(t *testing.T) {
	err := migrations.CheckPostgres(t.Context(), openDB(t, "pgx", postgrestest.URL(t)))
	if err == nil || !strings.Contains(err.Error(), "run dray migrate") {
		t.Errorf("CheckPostgres: error %v, want one that says what to do", err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	pg := openDB(t, "pgx", postgrestest.URL(t))
	lite := openDB(t, "sqlite", filepath.Join(t.TempDir(), "dray.db"))
	for name, tt := range map[string]struct {
		db *sql.DB
		up func() (int64, error)
	}{
		"postgres": {pg, func() (int64, error) { return migrations.Postgres(t.Context(), pg) }},
		"sqlite":   {lite, func() (int64, error) { return migrations.SQLite(t.Context(), lite) }},
	} {
		version, err := tt.up()
		if err != nil || version == 0 {
			t.Fatalf("%s: version %d, error %v", name, version, err)
		}
		if again, err := tt.up(); err != nil || again != version {
			t.Errorf("%s again: version %d, error %v, want %d", name, again, err, version)
		}
		if _, err := tt.db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)"); err != nil {
			t.Fatal(err)
		}
		if _, err := tt.up(); err == nil || !strings.Contains(err.Error(), "newer dray") {
			t.Errorf("%s: error %v, want that a newer dray migrated it", name, err)
		}
	}
}
