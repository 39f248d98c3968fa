package postgres

import (
	"errors"
	"testing"

	"github.com/dray-fleet/dray/fleet"
)

// What a database refuses for good must not look like one that is away: ingest
// would try it for ever, and everything behind it would wait.
func TestRowThatTheDatabaseRefuses(t *testing.T) {
	s := openMigrated(t)
	if _, err := s.pool.Exec(t.Context(), "ALTER TABLE positions ADD CONSTRAINT no_south CHECK (lat >= 0)"); err != nil {
		t.Fatal(err)
	}
	b := batchOf(0)
	b.Positions[0].Lat = -1
	var invalid *fleet.InvalidError
	if _, err := s.SaveBatch(t.Context(), b); !errors.As(err, &invalid) {
		t.Errorf("SaveBatch: error %v, want an InvalidError", err)
	}
}
