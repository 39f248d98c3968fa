package ingest_test

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
)

// TestPolicies thins drivers of one fleet and of another in their own ways, and
// changes them while the worker runs.
func TestPolicies(t *testing.T) {
	r := newRig(t, t.TempDir(), nil)
	set := func(fleetID, driver string, d time.Duration) {
		t.Helper()
		if err := r.store.SavePolicy(t.Context(), fleet.Policy{Fleet: fleetID, Driver: driver, MinInterval: d}); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := func(p fleet.Publication) fleet.Publication {
		p.Topic, p.Fleet = fleet.DriverTopic("zeta", p.Subject, "location"), "zeta"
		return p
	}
	set("acme", "", 10*time.Second)
	set("acme", "dense", 0)
	// One fix a second, ten of them.
	ten := func(from int) string {
		s := "[" + fixAt(from)
		for i := 1; i < 10; i++ {
			s += "," + fixAt(from+i)
		}
		return s + "]"
	}
	kept := func(driver, fleetID string) (n int) {
		t.Helper()
		q := fleet.TrackQuery{Fleet: fleetID, Driver: driver, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
		if err := r.store.Track(t.Context(), q, func(*fleet.Position) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	r.publish(says("dense", "location", "%s", ten(0)), says("d7", "location", "%s", ten(0)), elsewhere(says("d7", "location", "%s", ten(0))))
	defer r.run(ingest.Options{MinInterval: 5 * time.Second})()
	r.await(func(b *fleet.Batch) bool { return b.Offset != nil })
	if a, b, c := kept("dense", "acme"), kept("d7", "acme"), kept("d7", "zeta"); a != 10 || b != 1 || c != 2 {
		t.Errorf("kept %d of a driver without thinning, %d by the fleet's policy, %d by the default; want 10, 1, 2", a, b, c)
	}

	set("acme", "d7", 0)
	if err := r.store.DeletePolicy(t.Context(), "acme", "dense"); err != nil {
		t.Fatal(err)
	}
	for from, before := 100, 1; ; from += 10 { // until the worker has heard of it
		r.publish(says("d7", "location", "%s", ten(from)))
		r.await(func(b *fleet.Batch) bool { return b.Offset != nil })
		now := kept("d7", "acme")
		if now == before+10 {
			break
		}
		before = now
	}
	r.publish(says("dense", "location", "%s", ten(100)))
	r.await(func(b *fleet.Batch) bool { return b.Offset != nil })
	if n := kept("dense", "acme"); n != 11 {
		t.Errorf("%d of the driver without thinning are kept after it, want 11", n)
	}
}
