// Package postgrestest gives tests a real PostgreSQL: the one at
// TEST_POSTGRES_URL, or a cluster of its own for each test binary, which ends
// with the binary however that ends.
package postgrestest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

var server = sync.OnceValues(func() (string, error) {
	if u := os.Getenv("TEST_POSTGRES_URL"); u != "" {
		return u, nil
	}
	return start()
})

var schemas atomic.Int64

// URL returns the address of a PostgreSQL with an empty schema that is t's own
// and is dropped when t ends. Without PostgreSQL t fails and says what to
// install.
func URL(t testing.TB) string {
	t.Helper()
	base, err := server()
	if err != nil {
		t.Fatal(err)
	}
	schema := fmt.Sprintf("test_%d_%d", os.Getpid(), schemas.Add(1))
	run(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { run(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	address, err := inSchema(base, schema)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func run(t testing.TB, base, sql string) {
	t.Helper()
	if err := execute(context.WithoutCancel(t.Context()), base, sql); err != nil {
		t.Fatal(err)
	}
}
