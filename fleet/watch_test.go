package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sighting(minute float64, inside, border []string) *Sighting {
	return &Sighting{Fleet: "acme", Driver: "d1", At: noon.Add(time.Duration(minute * float64(time.Minute))), Inside: inside, Border: border}
}

func TestWatch(t *testing.T) {
	var w Watch
	in, none := []string{"a"}, []string(nil)
	for i, step := range []struct {
		see  *Sighting
		want string
	}{
		{sighting(0, none, none), ""},
		{sighting(1, none, in), ""}, // at the border from outside
		{sighting(2, in, none), "entered a"},
		{sighting(1.5, none, none), ""}, // late
		{sighting(3, none, in), ""},     // at the border from inside
		{sighting(2, in, none), ""},     // again
		{sighting(7, in, none), "dwelled a"},
		{sighting(8, in, none), ""},
		{sighting(20, []string{"b"}, none), "left a, entered b"},
		{sighting(21, none, none), "left b"},
		{sighting(22, in, none), "entered a"},
	} {
		got := ""
		for _, e := range w.Enter(step.see) {
			if got != "" {
				got += ", "
			}
			got += e.Event + " " + e.Geofence
			if e.At != step.see.At {
				t.Errorf("step %d: at %v", i, e.At)
			}
		}
		if got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

// However sightings are repeated and mixed up by later copies of earlier ones,
// the events are the same, and they take turns.
func TestWatchTakesTurns(t *testing.T) {
	ids := []string{"a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		var once, often Watch
		var seen []*Sighting
		var want, got []GeofenceEvent
		for i := range rapid.IntRange(1, 30).Draw(t, "sightings") {
			s := sighting(float64(i), nil, nil)
			for _, id := range ids {
				switch rapid.IntRange(0, 2).Draw(t, id) {
				case 0:
					s.Inside = append(s.Inside, id)
				case 1:
					s.Border = append(s.Border, id)
				}
			}
			seen = append(seen, s)
			want = append(want, once.Enter(s)...)
			got = append(got, often.Enter(s)...)
			got = append(got, often.Enter(rapid.SampledFrom(seen).Draw(t, "again"))...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("with repeats (-want +got):\n%s", diff)
		}
		for _, id := range ids {
			var of []string
			for _, e := range got {
				if e.Geofence == id && e.Event != "dwelled" {
					of = append(of, e.Event)
				}
			}
			for i, e := range of {
				if want := []string{"entered", "left"}[i%2]; e != want {
					t.Fatalf("at %s: %s", id, fmt.Sprint(of))
				}
			}
		}
		slices.Reverse(seen)
		if len(often.Enter(seen[0])) != 0 {
			t.Fatal("the newest sighting again has an effect")
		}
	})
}
