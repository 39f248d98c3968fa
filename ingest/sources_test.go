package ingest

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// said is a fix of one of a driver's sources, so many seconds after the first
// and so many metres north of it.
type said struct {
	source             string
	sec, north, acc    float64
	speed              float64 // 0: not told
	shown, disagreeing bool
}

func TestSourcesOfADriver(t *testing.T) {
	for name, story := range map[string][]said{
		"one source is always shown": {
			{"a", 0, 0, 5, 0, true, false}, {"a", 1, 900, 500, 0, true, false}, {"a", 400, 0, 5, 0, true, false},
		},
		"the more exact of two, until it is too old": {
			{"gps", 0, 0, 5, 0, true, false}, {"cell", 1, 300, 400, 0, false, false}, {"gps", 5, 0, 5, 0, true, false},
			{"cell", 30, 300, 400, 0, false, false}, {"cell", 32, 300, 400, 0, true, false}, {"gps", 33, 0, 5, 0, true, false},
		},
		"of two as good the newer": {
			{"a", 0, 0, 5, 0, true, false}, {"b", 2, 10, 6, 0, true, false}, {"a", 3, 5, 5, 0, true, false},
		},
		"one that does not tell how exact it is": {
			{"a", 0, 0, 5, 0, true, false}, {"b", 1, 10, -1, 0, false, false}, {"b", 2, 10, -1, 0, true, false},
		},
		"a late one is not shown": {
			{"a", 10, 0, 500, 0, true, false}, {"b", 9, 10, 1, 0, false, false}, {"a", 8, 0, 1, 0, false, false},
		},
		"far apart, until they agree": {
			{"a", 0, 0, 5, 0, true, false}, {"b", 1, 520, 5, 0, true, true}, {"a", 2, 0, 5, 0, true, true}, {"b", 3, 480, 5, 0, true, false},
		},
		"far apart, until one is silent": {
			{"a", 0, 0, 5, 0, true, false}, {"b", 1, 2000, 5, 0, true, true}, {"b", 59, 2000, 5, 0, true, true}, {"b", 61, 2000, 5, 0, true, false},
		},
		"as far as their receivers may err": {
			{"a", 0, 0, 5, 0, true, false}, {"b", 1, 1000, 1000, 0, false, false}, {"b", 2, 1010, 1000, 0, false, true},
		},
		"as far as one came meanwhile": {
			{"a", 0, 0, 5, 25, true, false}, {"b", 30, 750, 5, 25, true, false}, {"a", 60, 1500, 5, 25, true, false},
		},
		"as far as one came, without telling how fast": {
			{"a", 0, 0, 5, 0, true, false}, {"a", 10, 250, 5, 0, true, false}, {"b", 50, 1250, 5, 0, true, false},
		},
	} {
		g := &group{}
		members := map[string]*member{}
		var flagged bool
		for i, s := range story {
			if members[s.source] == nil {
				members[s.source] = g.join()
			}
			at := time.Unix(1_800_000_000, 0).Add(time.Duration(s.sec * float64(time.Second)))
			p := &fleet.Position{Fleet: "acme", Driver: "d1", ReceivedAt: at, Fix: fleet.Fix{FixAt: at, Source: s.source, Lat: 59 + s.north/111_195, Lon: 18}}
			if s.acc >= 0 {
				p.Accuracy = fleet.Some(s.acc)
			}
			if s.speed > 0 {
				p.Speed = fleet.Some(s.speed)
			}
			var it item
			it.weigh(members[s.source], p)
			for _, d := range it.disagreements {
				flagged = !d.At.IsZero()
			}
			if shown := it.latest != nil; shown != s.shown || flagged != s.disagreeing {
				t.Errorf("%s: report %d is shown %v and flagged %v, want %v and %v", name, i, shown, flagged, s.shown, s.disagreeing)
			}
		}
	}
}

// However many sources a driver has, few are compared, and what is told of a
// disagreement that lasts is little.
func TestManySources(t *testing.T) {
	g, told := &group{}, 0
	for i := range 1000 {
		at := time.Unix(1_800_000_000+int64(i), 0)
		m := g.join()
		var it item
		it.weigh(m, &fleet.Position{ReceivedAt: at, Fix: fleet.Fix{FixAt: at, Lat: float64(i % 2), Accuracy: fleet.Some(5)}})
		told += len(it.disagreements)
	}
	if len(g.members) != maxMembers || told < 60 || told > 70 {
		t.Errorf("%d are remembered and %d disagreements told, want %d and one in %v", len(g.members), told, maxMembers, tellAgain)
	}
}
