package api

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dray-fleet/dray/store/postgres"
	"github.com/dray-fleet/dray/store/postgrestest"
	"github.com/dray-fleet/dray/store/sqlite"
	"github.com/dray-fleet/dray/store/storetest"
)

// A database is either store, as cmd opens it.
type database interface {
	storetest.Store
	Migrate(ctx context.Context) error
}

// open opens an empty database for t. TestMain sets which one it is.
var open func(t testing.TB) (database, error)

func openSQLite(t testing.TB) (database, error) {
	return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "dray.db"))
}

func openPostgres(t testing.TB) (database, error) {
	return postgres.Open(t.Context(), postgrestest.Emptied(t)+"&synchronous_commit=off")
}

// TestMain runs every test of the package on SQLite and then on PostgreSQL:
// what the API promises does not depend on the database. Fuzzing needs neither.
// When all tests ran, each operation must have succeeded in one of them.
func TestMain(m *testing.M) {
	flag.Parse()
	for _, db := range []struct {
		name string
		open func(testing.TB) (database, error)
	}{{"SQLite", openSQLite}, {"PostgreSQL", openPostgres}} {
		open = db.open
		clear(succeeded)
		if code := m.Run(); code != 0 {
			fmt.Fprintln(os.Stderr, "on", db.name)
			os.Exit(code)
		}
		if flag.Lookup("test.fuzz").Value.String() != "" {
			return
		}
		if flag.Lookup("test.run").Value.String()+flag.Lookup("test.skip").Value.String()+flag.Lookup("test.list").Value.String() != "" {
			continue
		}
		if ids, err := unshown(); err != nil || len(ids) > 0 {
			fmt.Fprintf(os.Stderr, "on %s no test has a success of %q, error %v\n", db.name, ids, err)
			os.Exit(1)
		}
	}
	if err := postgrestest.DropEmptied(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sequence moves what has happened into the feed, as the relay does beside the API.
func (s *server) sequence() {
	s.t.Helper()
	if _, err := s.store.Sequence(s.t.Context(), 1000); err != nil {
		s.t.Fatal(err)
	}
}
