package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/ingest"
)

// A fencedStore is what a test of geofences asks of a store besides.
type fencedStore interface {
	CreateGeofence(ctx context.Context, by fleet.Actor, g fleet.Geofence) (fleet.Geofence, error)
	Sequence(ctx context.Context, limit int) (int, error)
	Events(ctx context.Context, q fleet.EventQuery) ([]fleet.Event, error)
}

// fixIn is a fix so many metres east of the fence's centre.
func fixIn(seconds int, metres float64) string {
	at := noon.Add(time.Duration(seconds) * time.Second)
	return fmt.Sprintf(`{"fix_at":%d,"lat":0.5,"lon":%f,"accuracy_m":20}`, at.UnixMilli(), 18+metres/111_195)
}

func TestGeofences(t *testing.T) {
	onBothStores(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		r := newRigOn(t, dir, "", open)
		fence := func(id string) {
			t.Helper()
			g := fleet.Geofence{Fleet: "acme", ID: id, Circle: &fleet.Circle{Center: fleet.Point{Lat: 0.5, Lon: 18}, Radius: 200}}
			if _, err := r.store.database.(fencedStore).CreateGeofence(t.Context(), fleet.System, g); err != nil {
				t.Fatal(err)
			}
		}
		events := func(id string) (list []string) {
			t.Helper()
			s := r.store.database.(fencedStore)
			if _, err := s.Sequence(t.Context(), 1000); err != nil {
				t.Fatal(err)
			}
			found, err := s.Events(t.Context(), fleet.EventQuery{Kinds: []string{"geofence"}, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found {
				var d struct {
					Event string
					At    time.Time
				}
				if err := json.Unmarshal(e.Data, &d); err != nil {
					t.Fatal(err)
				}
				if e.ID == id && d.Event != "" {
					list = append(list, fmt.Sprintf("%s %.0f", d.Event, d.At.Sub(noon).Seconds()))
				}
			}
			return list
		}
		report := func(fixes string) {
			t.Helper()
			r.publish(says("d1", "location", "[%s]", fixes))
			r.await(func(b *fleet.Batch) bool { return b.Offset != nil })
		}
		fence("yard")
		stop := r.run(ingest.Options{MinInterval: time.Hour}) // thinned or not, the driver was there
		report(fixIn(0, 900) + "," + fixIn(10, 0) + "," + fixIn(20, 215) + "," + fixIn(30, 190) + "," + fixIn(40, 900))
		report(fixIn(35, 0))     // late
		report(fixIn(2*3600, 0)) // of the future: quarantined
		report(fixIn(60, 0))     // in again
		want := []string{"entered 10", "left 40", "entered 60"}
		if diff := cmp.Diff(want, events("yard")); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		stop()
		stop = r.run(ingest.Options{})
		report(fixIn(60, 0) + "," + fixIn(50, 900)) // again, and late
		report(fixIn(400, 0))
		want = append(want, "dwelled 400")
		if diff := cmp.Diff(want, events("yard")); diff != "" {
			t.Errorf("after a restart (-want +got):\n%s", diff)
		}
		fence("new")
		for at := 401; len(events("new")) == 0; at++ { // until the worker has heard of it
			report(fixIn(at, 0))
		}
		stop()
	})
}
