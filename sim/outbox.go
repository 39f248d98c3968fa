package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A fix is the payload of docs/mqtt.md, as the driver app sends it.
type fix struct {
	FixAt    time.Time `json:"fix_at"`
	SentAt   time.Time `json:"sent_at"`
	Lat      float64   `json:"lat"`
	Lon      float64   `json:"lon"`
	Accuracy float64   `json:"accuracy_m"`
	Speed    float64   `json:"speed_mps"`
	Heading  fleet.Opt `json:"heading_deg,omitzero"`
	Battery  float64   `json:"battery_pct"`
	Boot     string    `json:"boot"`
	Seq      int64     `json:"seq"`
	Source   string    `json:"source"`
	Trigger  string    `json:"trigger"`
}

// Bounds of an outbox.
const (
	maxWaiting = 10_000 // fixes; the oldest make room
	maxArray   = 500    // fixes in one publish
)

// An outbox holds what is not acknowledged yet and not on its way, oldest first.
type outbox struct {
	waiting []fix
	live    int64 // the newest seq that was sent on its own
}

// add appends the newest fix and returns how many old ones made room.
func (o *outbox) add(f fix) (dropped int) {
	o.waiting = append(o.waiting, f)
	dropped = max(0, len(o.waiting)-maxWaiting)
	o.waiting = slices.Delete(o.waiting, 0, dropped)
	return dropped
}

// take removes what is to be sent next: the newest fix alone, unless it was
// sent before, and then the oldest in arrays.
func (o *outbox) take() []fix {
	n := len(o.waiting)
	if n == 0 {
		return nil
	}
	if last := o.waiting[n-1]; last.Seq > o.live {
		o.live = last.Seq
		o.waiting = o.waiting[:n-1]
		return []fix{last}
	}
	n = min(n, maxArray)
	taken := slices.Clone(o.waiting[:n])
	o.waiting = slices.Delete(o.waiting, 0, n)
	return taken
}

// putBack returns what was not acknowledged.
func (o *outbox) putBack(fixes []fix) {
	o.waiting = append(o.waiting, fixes...)
	slices.SortFunc(o.waiting, func(a, b fix) int { return cmp.Compare(a.Seq, b.Seq) })
}
