package ingest

import (
	"math"
	"time"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
)

const (
	turnDegrees = 30.0
	standing    = 0.5 // m/s and below
	moving      = 1.5 // m/s and above; between the two nothing has changed

	keptFixes = 32 // remembered of a source
	takenRuns = 16 // likewise: as many arrays of a backlog may come in any order
)

// A thinner decides which fixes of one source go into history. Fix time is
// divided into slots of the interval and the first fix of a slot is kept, so
// that a backlog, whenever it comes, leaves what live traffic would have left.
// A turn or a change of motion against the kept fix before it is kept as well.
type thinner struct {
	kept   []kept // the latest that were kept, in no order
	next   int    // the oldest of them, once there are keptFixes
	newest int    // the one of the newest fix time
	last   int64  // the newest fix time that was ever kept

	runs     []run // the latest runs of taken slots, in no order
	run      int   // the one that grew last
	nextRun  int   // the oldest of them, once there are takenRuns
	interval int64 // of the slots
}

// A run is the begin of the first and of the last of slots that follow upon one
// another, each with a kept fix. An array of a backlog leaves one, and those that
// come before and after it in time meet its ends when it is long forgotten.
type run struct{ first, last int64 }

// A kept is what must be known of a fix to judge its neighbours.
type kept struct {
	at      int64   // microseconds
	heading float32 // NaN when absent
	motion  motion
}

type motion uint8

const (
	unknown motion = iota
	stands
	moves
)

func motionOf(speed fleet.Opt) motion {
	switch {
	case !speed.OK:
		return unknown
	case speed.V <= standing:
		return stands
	case speed.V >= moving:
		return moves
	}
	return unknown
}

// look returns what must be known of g to judge it and its neighbours.
func look(g *codec.Glance) kept {
	k := kept{at: g.FixAt, heading: float32(math.NaN()), motion: motionOf(g.Speed)}
	if g.Heading.OK {
		k.heading = float32(g.Heading.V)
	}
	return k
}

// keep reports whether k goes into history, and remembers it if so.
func (t *thinner) keep(k kept, interval time.Duration) bool {
	if us := interval.Microseconds(); us != t.interval {
		t.interval, t.runs, t.run, t.nextRun = us, t.runs[:0], 0, 0
	}
	before, taken := t.neighbours(k.at)
	if taken && (before == nil || !k.differs(before)) {
		return false
	}
	if before != nil && k.motion == unknown {
		k.motion = before.motion
	}
	t.remember(k)
	if !taken {
		t.take(k.at - k.at%t.interval)
	}
	return true
}

// neighbours returns the kept fix before at, or nil, and whether there is one in
// its slot.
func (t *thinner) neighbours(at int64) (before *kept, taken bool) {
	if len(t.kept) == 0 {
		return nil, false
	}
	slot := at - at%t.interval
	if t.last <= at {
		return &t.kept[t.newest], t.last >= slot
	}
	for i := range t.kept {
		other := &t.kept[i]
		taken = taken || slot <= other.at && other.at < slot+t.interval
		if other.at <= at && (before == nil || other.at > before.at) {
			before = other
		}
	}
	for i := range t.runs {
		taken = taken || t.runs[i].first <= slot && slot <= t.runs[i].last
	}
	return before, taken
}

// take notes that slot is taken: at the end of the run that grew last, or else in
// one of its own.
func (t *thinner) take(slot int64) {
	if t.run < len(t.runs) {
		if r := &t.runs[t.run]; slot == r.last+t.interval {
			r.last = slot
			return
		}
	}
	if len(t.runs) < takenRuns {
		t.run = len(t.runs)
		t.runs = append(t.runs, run{slot, slot})
		return
	}
	t.run = t.nextRun
	t.runs[t.run] = run{slot, slot}
	t.nextRun = (t.nextRun + 1) % takenRuns
}

func (k *kept) differs(before *kept) bool {
	if k.motion != unknown && before.motion != unknown && k.motion != before.motion {
		return true
	}
	turn := math.Abs(float64(k.heading - before.heading)) // NaN when either is absent
	return min(turn, 360-turn) > turnDegrees
}

func (t *thinner) remember(k kept) {
	t.last = max(t.last, k.at)
	if len(t.kept) < keptFixes {
		t.kept = append(t.kept, k)
		t.moved(len(t.kept) - 1)
		return
	}
	t.kept[t.next] = k
	t.moved(t.next)
	t.next = (t.next + 1) % keptFixes
}

// moved notes that the fix at i is another one.
func (t *thinner) moved(i int) {
	if i != t.newest {
		if t.kept[i].at >= t.kept[t.newest].at {
			t.newest = i
		}
		return
	}
	for j := range t.kept {
		if t.kept[j].at > t.kept[t.newest].at {
			t.newest = j
		}
	}
}
