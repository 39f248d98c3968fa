package sqlite

import (
	"testing"

	"github.com/dray-fleet/dray/store/storetest"
)

func BenchmarkHistory(b *testing.B) {
	storetest.BenchHistory(b, func(t testing.TB) *Store { return openMigrated(t) }, func(t testing.TB, s *Store) (n int64) {
		err := s.reader.QueryRowContext(t.Context(), `SELECT (page_count - freelist_count) * page_size
			FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	})
}
