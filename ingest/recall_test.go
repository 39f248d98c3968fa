package ingest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
	"github.com/dray-fleet/dray/stream"
)

// TestThinningGoesOnAfterARestart has ingest start again in the middle of a slot:
// the slot is taken already, and a turn is one against the fix that was kept.
func TestThinningGoesOnAfterARestart(t *testing.T) {
	onBothStores(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		heading := func(seconds int, degrees string) fleet.Publication {
			f := fixAt(seconds)
			return says("d7", "location", "%s", f[:len(f)-1]+`,"speed_mps":10,"heading_deg":`+degrees+`}`)
		}
		reported := func(b *fleet.Batch) bool { return len(b.Reports) > 0 }
		for _, part := range [][]fleet.Publication{
			{heading(0, "90"), heading(1, "90"), heading(5, "90"), heading(6, "90"), says("d7", "health", `{"battery_pct":2}`)},
			{heading(7, "90"), heading(8, "130"), heading(9, "130"), heading(10, "130"), says("d7", "health", `{"battery_pct":1}`)},
		} {
			r := newRigOn(t, dir, stream.SyncAlways, open)
			stop := r.run(ingest.Options{MinInterval: 5 * time.Second})
			r.publish(part...)
			r.await(reported)
			stop()
			r.stop()
		}
		var kept []int
		for _, p := range newRigOn(t, dir, stream.SyncAlways, open).track("d7") {
			kept = append(kept, int(p.FixAt.Sub(noon).Seconds()))
		}
		if want := []int{0, 5, 8, 10}; !slices.Equal(kept, want) {
			t.Errorf("kept at %v s, want %v", kept, want)
		}
	})
}
