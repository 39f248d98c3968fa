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
)

// A thinner decides which fixes of one source go into history. Fix time is
// divided into slots of the interval and the first fix of a slot is kept, so
// that a backlog, whenever it comes, leaves what live traffic would have left.
// A turn or a change of motion against the kept fix before it is kept as well.
type thinner struct {
	kept   []kept // the latest that were kept, in no order
	next   int    // the oldest of them, once there are keptFixes
	newest int    // the one of the newest fix time
}

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
	before, taken := t.neighbours(k.at, interval.Microseconds())
	if taken && (before == nil || !k.differs(before)) {
		return false
	}
	if before != nil && k.motion == unknown {
		k.motion = before.motion
	}
	t.remember(k)
	return true
}

// neighbours returns the kept fix before at, or nil, and whether there is one in
// its slot.
func (t *thinner) neighbours(at, interval int64) (before *kept, taken bool) {
	if len(t.kept) == 0 {
		return nil, false
	}
	slot := at - at%interval
	if newest := &t.kept[t.newest]; newest.at <= at {
		return newest, newest.at >= slot
	}
	for i := range t.kept {
		other := &t.kept[i]
		taken = taken || slot <= other.at && other.at < slot+interval
		if other.at <= at && (before == nil || other.at > before.at) {
			before = other
		}
	}
	return before, taken
}

func (k *kept) differs(before *kept) bool {
	if k.motion != unknown && before.motion != unknown && k.motion != before.motion {
		return true
	}
	turn := math.Abs(float64(k.heading - before.heading)) // NaN when either is absent
	return min(turn, 360-turn) > turnDegrees
}

func (t *thinner) remember(k kept) {
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
