package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dray-fleet/dray/fleet"
)

// testModel saves random batches, many of them again or in part again, and
// holds the store against a model of a few lines.
func testModel(t *testing.T, s Store) {
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		fleetID := fmt.Sprint("model-", run)
		m := model{stored: map[key]bool{}, latest: map[string]fleet.Position{}}
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			ps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) fleet.Position { return drawPosition(rt, fleetID) }), 0, 12).Draw(rt, "positions")
			got, err := s.SaveBatch(t.Context(), &fleet.Batch{Positions: ps, Latest: ps})
			if err != nil {
				rt.Fatal(err)
			}
			if want := m.save(ps); got != want {
				rt.Fatalf("saved %+v, want %+v", got, want)
			}
		}
		m.check(rt, t, s, fleetID)
	})
}

// drawPosition draws from so few values that most collide. The number decides
// the fix time, as it does on a device.
func drawPosition(rt *rapid.T, fleetID string) fleet.Position {
	n := rapid.IntRange(0, 12).Draw(rt, "n")
	p := pos(float64(n), inFleet(fleetID), driver(rapid.SampledFrom([]string{"d1", "d2"}).Draw(rt, "driver")),
		source(rapid.SampledFrom([]string{"", "obd"}).Draw(rt, "source")))
	if rapid.Bool().Draw(rt, "numbered") {
		numbered(rapid.SampledFrom([]string{"", "b1", "b2"}).Draw(rt, "boot"), int64(n))(&p)
	}
	return p
}

type key struct {
	driver, source, boot string
	seq                  int64
	at                   time.Time
}

type model struct {
	stored    map[key]bool
	positions []fleet.Position
	latest    map[string]fleet.Position
}

func keyOf(p fleet.Position) key {
	k := key{driver: p.Driver, source: p.Source, boot: p.Boot, seq: -1}
	if p.HasSeq {
		k.seq = p.Seq
	}
	if p.Boot == "" || !p.HasSeq {
		k.at = p.FixAt
	}
	return k
}

func (m *model) save(ps []fleet.Position) (saved fleet.Saved) {
	for _, p := range ps {
		if k := keyOf(p); m.stored[k] {
			saved.Duplicates++
		} else {
			m.stored[k] = true
			m.positions = append(m.positions, p)
			saved.Positions++
		}
		if old, ok := m.latest[p.Driver]; !ok || p.FixAt.After(old.FixAt) {
			m.latest[p.Driver] = p
		}
	}
	return saved
}

func (m *model) check(rt *rapid.T, t *testing.T, s Store, fleetID string) {
	byKey := func(a, b fleet.Position) int {
		return cmp.Or(a.FixAt.Compare(b.FixAt), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Boot, b.Boot), cmp.Compare(keyOf(a).seq, keyOf(b).seq))
	}
	for id, latest := range m.latest {
		var want []fleet.Position
		for _, p := range m.positions {
			if p.Driver == id {
				want = append(want, p)
			}
		}
		got := track(t, s, func(q *fleet.TrackQuery) { q.Fleet, q.Driver = fleetID, id })
		if !slices.IsSortedFunc(got, func(a, b fleet.Position) int { return a.FixAt.Compare(b.FixAt) }) {
			rt.Fatal("track is not in the order of fix time")
		}
		slices.SortFunc(want, byKey)
		slices.SortFunc(got, byKey)
		if diff := gocmp.Diff(want, got); diff != "" {
			rt.Fatalf("track of %s (-want +got):\n%s", id, diff)
		}
		d, err := s.Driver(t.Context(), fleetID, id)
		if err != nil {
			rt.Fatal(err)
		}
		if !d.Position.FixAt.Equal(latest.FixAt) {
			rt.Fatalf("latest of %s at %v, want %v", id, d.Position.FixAt, latest.FixAt)
		}
	}
}
