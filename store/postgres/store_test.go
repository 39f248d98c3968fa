package postgres

import (
	"testing"

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

func BenchmarkSaveBatch(b *testing.B) {
	storetest.Bench(b, func(t testing.TB) storetest.Store { return openMigrated(t) })
}
