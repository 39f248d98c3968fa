package ingest

import (
	"testing"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

func TestClock(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		skews  []time.Duration // of earlier publications: sent less received
		ahead  time.Duration   // of the fix
		future bool
	}{
		{"now", nil, 0, false},
		{"late is fine", nil, -400 * day, false},
		{"two minutes are allowed", nil, 2 * time.Minute, false},
		{"more are not", nil, 2*time.Minute + time.Second, true},
		{"one reading proves no skew", []time.Duration{day}, day, true},
		{"three do", []time.Duration{day, day, day}, day, false},
		{"and then two minutes are allowed beyond it", []time.Duration{day, day, day}, day + 3*time.Minute, true},
		{"a wild reading excuses nothing", []time.Duration{0, 0, 0, day}, day, true},
		{"nor condemns", []time.Duration{day, day, day, day, 0}, day, false},
		{"a clock put right is believed again", []time.Duration{day, day, day, 0, 0, 0}, day, true},
		{"slow messages are not a clock behind", []time.Duration{-day, -day, -day, -day}, time.Minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s skew
			for _, d := range tt.skews {
				s.learn(noon.Add(d), noon)
			}
			if got := future(noon.Add(tt.ahead), noon, s.ahead()); got != tt.future {
				t.Errorf("future = %v, want %v", got, tt.future)
			}
		})
	}
}

func TestFutureFixIsNeitherLatestNorInTheWay(t *testing.T) {
	l := testLane(5 * time.Second)
	ahead := at(0)
	ahead.FixAt = noon.Add(48 * time.Hour)
	b := judgedBatch(l, []fleet.Fix{at(0), ahead})
	if len(b.Latest) != 1 || b.Latest[0].Quarantined || len(b.Positions) != 2 || !b.Positions[1].Quarantined {
		t.Errorf("batch is %+v", b)
	}
	// Two days later the same slot has its true fix.
	genuine := ahead
	genuine.FixAt = ahead.FixAt.Add(time.Second)
	b = judgedBatchAt(l, ahead.FixAt.Add(2*time.Second), genuine)
	if len(b.Positions) != 1 || b.Positions[0].Quarantined {
		t.Errorf("the true fix became %+v", b.Positions)
	}
}
