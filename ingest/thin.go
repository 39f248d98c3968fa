package ingest

import (
	"math"
	"time"

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
	kept []kept // the latest that were kept, in no order
	next int    // the oldest of them, once there are keptFixes
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

// keep reports whether f goes into history, and remembers it if so.
func (t *thinner) keep(f *fleet.Fix, interval time.Duration) bool {
	k := kept{at: f.FixAt.UnixMicro(), heading: float32(math.NaN()), motion: motionOf(f.Speed)}
	if f.Heading.OK {
		k.heading = float32(f.Heading.V)
	}
	slot := k.at / interval.Microseconds()
	taken := false
	var before *kept
	for i := range t.kept {
		other := &t.kept[i]
		taken = taken || other.at/interval.Microseconds() == slot
		if other.at <= k.at && (before == nil || other.at > before.at) {
			before = other
		}
	}
	if taken && (before == nil || !k.differs(before)) {
		return false
	}
	if before != nil && k.motion == unknown {
		k.motion = before.motion
	}
	t.remember(k)
	return true
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
		return
	}
	t.kept[t.next] = k
	t.next = (t.next + 1) % keptFixes
}
