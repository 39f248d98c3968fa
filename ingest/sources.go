package ingest

import (
	"math"
	"slices"
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// A driver may have several sources: a phone and the vehicle's tracker. What is
// shown is the position with the least error to be expected: that of its receiver, and
// what the driver may have moved since.
const (
	unknownAccuracy = 25.0 // metres, of a receiver that does not tell
	driftPerSecond  = 15.0 // metres that a position may be off for each second of its age

	comparable   = 60 * time.Second // between two fixes that can disagree
	tooFar       = 500.0            // metres between them, when their accuracies do not explain more
	tellAgain    = 15 * time.Second // while a disagreement lasts
	derivedSpeed = 5 * time.Minute  // most between two fixes from which a speed is taken

	maxMembers = 16 // sources of a driver that are compared
)

// A member is the newest fix of one source of a driver, in the group of them all.
type member struct {
	group    *group
	fixAt    time.Time
	lat, lon float64
	accuracy float64 // metres
	speed    float64 // m/s
}

// A group is what is remembered of a driver's sources.
type group struct {
	members   []*member
	shown     *member   // whose fix is the latest position
	disagreed time.Time // receipt of the fix that was told last; zero while they agree
}

// join returns a new member of g in place of the first when there are too many.
func (g *group) join() *member {
	m := &member{group: g}
	if len(g.members) == maxMembers {
		if g.shown == g.members[0] {
			g.shown = nil
		}
		g.members = slices.Delete(g.members, 0, 1)
	}
	g.members = append(g.members, m)
	return m
}

// weigh enters p as the newest fix of its source, and says whether it is to be
// shown. A late one never is.
func (m *member) weigh(p *fleet.Position) (show bool) {
	if !p.FixAt.After(m.fixAt) {
		return false
	}
	g := m.group
	show = g.shown == nil || g.shown == m
	m.learn(p)
	if !show {
		s := g.shown
		show = p.FixAt.After(s.fixAt) && m.accuracy <= s.accuracy+driftPerSecond*p.FixAt.Sub(s.fixAt).Seconds()
	}
	if show {
		g.shown = m
	}
	return show
}

func (m *member) learn(p *fleet.Position) {
	since := p.FixAt.Sub(m.fixAt)
	switch {
	case p.Speed.OK:
		m.speed = p.Speed.V
	case since < derivedSpeed:
		m.speed = metres(m.lat, m.lon, p.Lat, p.Lon) / since.Seconds()
	default:
		m.speed = 0
	}
	m.fixAt, m.lat, m.lon, m.accuracy = p.FixAt, p.Lat, p.Lon, unknownAccuracy
	if p.Accuracy.OK {
		m.accuracy = p.Accuracy.V
	}
}

// disagrees reports whether another source puts the driver elsewhere at about
// the same time. How far a moving driver came meanwhile is no disagreement.
func (m *member) disagrees() bool {
	for _, o := range m.group.members {
		since := m.fixAt.Sub(o.fixAt).Abs()
		if o == m || since > comparable {
			continue
		}
		if metres(m.lat, m.lon, o.lat, o.lon) > max(tooFar, m.accuracy+o.accuracy)+o.speed*since.Seconds() {
			return true
		}
	}
	return false
}

// weigh shows p or not, and notes when the driver's sources begin, go on or
// cease to disagree.
func (it *item) weigh(m *member, p *fleet.Position) {
	newer := p.FixAt.After(m.fixAt)
	if m.weigh(p) {
		it.latest = p
	}
	g := m.group
	if !newer || len(g.members) == 1 {
		return
	}
	var at time.Time
	if m.disagrees() {
		if !g.disagreed.IsZero() && p.ReceivedAt.Sub(g.disagreed).Abs() < tellAgain {
			return
		}
		at = p.ReceivedAt
	} else if g.disagreed.IsZero() {
		return
	}
	g.disagreed = at
	it.disagreements = append(it.disagreements, fleet.Disagreement{Fleet: p.Fleet, Driver: p.Driver, FixAt: p.FixAt, At: at})
}

// byFix brings disagreements into the order in which they were found.
func byFix(all []fleet.Disagreement) {
	slices.SortStableFunc(all, func(a, b fleet.Disagreement) int { return a.FixAt.Compare(b.FixAt) })
}

// metres returns the distance between two places that are not far apart, on a
// sphere (equirectangular).
func metres(lat1, lon1, lat2, lon2 float64) float64 {
	const degree = 111_195 // metres of latitude
	x := math.Remainder(lon2-lon1, 360) * math.Cos((lat1+lat2)/2*math.Pi/180)
	return degree * math.Hypot(x, lat2-lat1)
}
