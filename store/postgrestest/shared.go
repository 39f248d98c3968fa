package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the schema of Emptied.
var shared = fmt.Sprintf("test_%d_shared", os.Getpid())

// empty deletes every row but those that say which migrations are done. Triggers
// and foreign keys rest meanwhile, which only a superuser may order.
const empty = `
SET session_replication_role = replica;
DO $$ DECLARE name text; BEGIN
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE 'goose%' LOOP
		EXECUTE format('DELETE FROM %I', name);
	END LOOP;
END $$`

var createShared = sync.OnceValue(func() error {
	base, err := server()
	if err != nil {
		return err
	}
	return execute(context.Background(), base, "CREATE SCHEMA "+shared)
})

// Emptied returns the address of a schema that the tests of this binary share,
// one at a time: its tables are as the last one migrated them, without rows. It
// is for many short tests, since migrating takes longer than they do.
func Emptied(t testing.TB) string {
	t.Helper()
	if err := createShared(); err != nil {
		t.Fatal(err)
	}
	base, err := server()
	if err != nil {
		t.Fatal(err)
	}
	address, err := inSchema(base, shared)
	if err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), address, empty); err != nil {
		t.Fatal(err)
	}
	return address
}

// DropEmptied drops that schema; TestMain calls it.
func DropEmptied() error {
	base, err := server()
	if err != nil {
		return err
	}
	return execute(context.Background(), base, "DROP SCHEMA IF EXISTS "+shared+" CASCADE")
}

// inSchema returns the address of a schema of the database at base.
func inSchema(base, schema string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("TEST_POSTGRES_URL: %w", err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func execute(ctx context.Context, address, sql string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}
