package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// What a database refuses for good must not look like one that is away: ingest
// would try it for ever, and everything behind it would wait.
func TestRowThatTheDatabaseRefuses(t *testing.T) {
	s := openMigrated(t)
	if _, err := s.writer.ExecContext(t.Context(), `CREATE TRIGGER no_south BEFORE INSERT ON positions WHEN NEW.lat < 0
		BEGIN SELECT RAISE(ABORT, 'no such place'); END`); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	p := fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: noon, Fix: fleet.Fix{FixAt: noon, Lat: -1, Lon: 2}}
	var invalid *fleet.InvalidError
	if _, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: []fleet.Position{p}}); !errors.As(err, &invalid) {
		t.Errorf("SaveBatch: error %v, want an InvalidError", err)
	}
}
