package storetest

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

var keptTests = map[string]func(*testing.T, Store){
	"are the newest of each source": func(t *testing.T, s Store) {
		moving := func(p *fleet.Position) { p.Speed, p.Heading = fleet.Some(10), fleet.Some(271.5) }
		report(t, s, pos(0), pos(10, moving), pos(9, source("tracker"), numbered("b1", 1)), pos(5, driver("d2"), inFleet("zeta")))
		// The latest position is ahead of the history while a backlog is worked off.
		save(t, s, &fleet.Batch{Latest: []fleet.Position{pos(3600)}})
		got, err := s.LastKept(t.Context())
		ok(t, err)
		for _, want := range []fleet.Position{pos(10, moving), pos(9, source("tracker")), pos(5, driver("d2"), inFleet("zeta"))} {
			found := false
			for _, p := range got {
				found = found || p.SourceOf() == want.SourceOf() && p.FixAt.Equal(want.FixAt) && p.Speed == want.Speed && p.Heading == want.Heading
			}
			if !found {
				t.Errorf("%v of %v is not among %v", want.FixAt, want.SourceOf(), got)
			}
		}
	},
	"are a few of each driver": func(t *testing.T, s Store) {
		var many []fleet.Position
		for i := range 40 {
			many = append(many, pos(float64(i)))
		}
		report(t, s, many...)
		got, err := s.LastKept(t.Context())
		ok(t, err)
		if len(got) == 0 || len(got) > 10 {
			t.Errorf("%d positions of one driver", len(got))
		}
		for _, p := range got {
			if p.FixAt.Before(at(30)) {
				t.Errorf("an old one is among them: %v", p.FixAt)
			}
		}
	},
	"are of drivers that were heard lately": func(t *testing.T, s Store) {
		report(t, s, pos(0))
		later := func(p *fleet.Position) { p.ReceivedAt = p.ReceivedAt.Add(2 * time.Hour) }
		report(t, s, pos(1, driver("d2"), later))
		got, err := s.LastKept(t.Context())
		ok(t, err)
		if len(got) != 1 || got[0].Driver != "d2" {
			t.Errorf("%v, want the one of d2", got)
		}
	},
}
