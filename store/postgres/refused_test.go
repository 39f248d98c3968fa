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

// What passes, such as a full disk (53100), is told apart from what is wrong with dray.
func TestErrorThatPasses(t *testing.T) {
	s := openMigrated(t)
	for code, passes := range map[string]bool{"53100": true, "57P01": true, "40001": true, "XX000": false} {
		raise := `CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '` + code + `'; END $$`
		const on = `CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON shipments FOR EACH ROW EXECUTE FUNCTION fail()`
		if _, err := s.pool.Exec(t.Context(), raise+"; "+on); err != nil {
			t.Fatal(err)
		}
		_, err := s.CreateShipment(t.Context(), fleet.Actor{}, fleet.Shipment{Fleet: "acme", ID: "s1"})
		if err == nil || errors.Is(err, fleet.ErrAway) != passes {
			t.Errorf("%s: %v, want one that passes: %v", code, err, passes)
		}
	}
}
