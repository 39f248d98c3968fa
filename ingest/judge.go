package ingest

import (
	"slices"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/giveway"
)

// judge goes over the fixes of c: quarantine by the clock, drop repeats, thin.
// What is to be stored of them is added to the items of c. It is done once; a
// batch that has to be saved again is not judged again.
func (l *lane) judge(c *chunk) {
	fenced := *l.fences.byFleet.Load()
	var rivals []rival
	var turn giveway.Turn
	for _, s := range c.sources {
		turn.Pass()
		rivals = append(rivals, l.judgeSource(c, s, fenced[s.name.Fleet])...)
		s.first, s.disordered = -1, false
	}
	// Drivers with several sources are shown by the best of them.
	slices.SortStableFunc(rivals, func(a, b rival) int { return int(a.FixAt - b.FixAt) })
	for _, r := range rivals {
		p := c.position(r.candidate, r.name)
		c.item(r.record, r.name).weigh(r.member, &p)
	}
}

// A rival is a plausible fix of a driver that has other sources besides.
type rival struct {
	*candidate
	*source
}

func (l *lane) judgeSource(c *chunk, s *source, areas []fleet.Area) []rival {
	of := driver{s.name.Fleet, s.name.Driver}
	s.forget(l.erasures.of(of))
	v := verdict{lane: l, chunk: c, source: s, ahead: s.skew.ahead(), areas: areas}
	v.interval = l.interval(of)
	if s.disordered {
		// In the order of fix time, so that it makes no difference in which order
		// an outbox sent its backlog.
		var fixes []*candidate
		for i := s.first; i >= 0; i = c.fixes[i].next {
			fixes = append(fixes, &c.fixes[i])
		}
		slices.SortStableFunc(fixes, func(a, b *candidate) int { return int(a.FixAt - b.FixAt) })
		for _, f := range fixes {
			v.on(f)
		}
	} else {
		for i := s.first; i >= 0; i = c.fixes[i].next {
			v.on(&c.fixes[i])
		}
	}
	v.end()
	return v.rivals
}

// A verdict is that on the fixes of one source.
type verdict struct {
	*lane
	*chunk
	*source
	interval time.Duration
	areas    []fleet.Area  // that its fleet watches
	ahead    time.Duration // of its clock

	newest, last *candidate // the newest plausible one, and the last of all that is not there already
	receipts     []fleet.Receipt
	sightings    []fleet.Sighting
	rivals       []rival
	thinned      int64
	duplicates   int
	quarantined  int
}

// on judges f, which comes in its turn of fix times.
func (v *verdict) on(f *candidate) {
	if v.repeats(v.memory.seed, f) {
		v.duplicates++
		return
	}
	v.last = f
	tooEarly := future(time.UnixMicro(f.FixAt), v.records[f.record].ReceivedAt, v.ahead)
	thin := &v.thin
	if tooEarly {
		thin = &v.thinFuture
		v.quarantined++
	} else {
		v.newest = f
		if len(v.member.group.members) > 1 {
			v.rivals = append(v.rivals, rival{f, v.source})
		}
		v.see(f)
	}
	if v.interval > 0 && !thin.keep(look(&f.Glance), v.interval) {
		v.leaveOut(f)
		return
	}
	p := v.position(f, v.name)
	p.Quarantined = tooEarly
	it := v.item(f.record, v.name)
	it.positions = append(it.positions, p)
}

// leaveOut notes that f does not go into history.
func (v *verdict) leaveOut(f *candidate) {
	v.thinned++
	if !f.numbered() {
		return
	}
	at := time.UnixMicro(f.FixAt).UTC()
	if n := len(v.receipts); n > 0 && v.receipts[n-1].Last+1 == f.Seq && v.receipts[n-1].Boot == string(f.Boot) {
		v.receipts[n-1].Last, v.receipts[n-1].To = f.Seq, at
		return
	}
	v.receipts = append(v.receipts, fleet.Receipt{Source: v.name, Boot: string(f.Boot), First: f.Seq, Last: f.Seq, From: at, To: at})
}

// end adds what the source leaves as a whole to the item of its last fix.
func (v *verdict) end() {
	v.m.duplicates.Add(float64(v.duplicates))
	v.m.quarantined.Add(float64(v.quarantined))
	v.m.thinned.Add(float64(v.thinned))
	if v.newest != nil {
		p := v.position(v.newest, v.name)
		it := v.item(v.newest.record, v.name)
		if len(v.member.group.members) == 1 {
			it.weigh(v.member, &p)
		}
		it.sightings = append(it.sightings, v.sightings...)
	}
	if v.thinned > 0 {
		it := v.item(v.last.record, v.name)
		it.thinned = append(it.thinned, thinned{v.name, v.thinned})
		it.receipts = append(it.receipts, v.receipts...)
	}
}

// isLatest notes p, unless the item has a newer position of the driver.
func (it *item) isLatest(p *fleet.Position) {
	if it.latest == nil || p.FixAt.After(it.latest.FixAt) {
		it.latest = p
	}
}

// assemble makes a batch of judged items.
func assemble(items []*item, offset *fleet.Offset) *fleet.Batch {
	b := &fleet.Batch{Offset: offset, Thinned: map[fleet.Source]int64{}}
	positions := 0
	for _, it := range items {
		positions += len(it.positions)
	}
	b.Positions = make([]fleet.Position, 0, positions)
	for _, it := range items {
		b.Positions = append(b.Positions, it.positions...)
		b.Receipts = append(b.Receipts, it.receipts...)
		b.Sightings = append(b.Sightings, it.sightings...)
		b.Disagreements = append(b.Disagreements, it.disagreements...)
		for _, t := range it.thinned {
			b.Thinned[t.source] += t.fixes
		}
		if it.report != nil {
			b.Reports = append(b.Reports, *it.report)
		}
		if it.dispatch != nil {
			b.Dispatch = append(b.Dispatch, *it.dispatch)
		}
		if it.dead != nil {
			b.Dead = append(b.Dead, *it.dead)
		}
	}
	b.Sightings = inOrder(b.Sightings)
	byFix(b.Disagreements)
	b.Latest = latest(items)
	return b
}

// latest returns the newest position of each driver in items.
func latest(items []*item) []fleet.Position {
	newest := map[driver]*fleet.Position{}
	for _, it := range items {
		if p := it.latest; p != nil {
			d := driver{p.Fleet, p.Driver}
			if old := newest[d]; old == nil || p.FixAt.After(old.FixAt) {
				newest[d] = p
			}
		}
	}
	all := make([]fleet.Position, 0, len(newest))
	for _, p := range newest {
		all = append(all, *p)
	}
	return all
}
