package ingest

import (
	"slices"

	"github.com/dray-fleet/dray/fleet"
)

// judge goes over the positions of a batch: quarantine by the clock, drop
// repeats, thin. It is done once; a batch that has to be saved again is not
// judged again.
func (l *lane) judge(items []*item) {
	type candidate struct {
		*item
		*fleet.Position
		*source
	}
	var fixes []candidate
	for _, it := range items {
		for i := range it.positions {
			p := &it.positions[i]
			fixes = append(fixes, candidate{it, p, l.memory.of(p.SourceOf())})
		}
		if n := len(it.positions); n > 0 { // one publication is one reading of the device's clock
			p := fixes[len(fixes)-1]
			if !p.SentAt.IsZero() {
				p.skew.learn(p.SentAt, p.Position.ReceivedAt)
			}
		}
		it.positions = nil // those that are kept come back
	}
	for _, c := range fixes {
		c.Quarantined = c.skew.future(c.Position)
	}
	// In the order of fix time, so that it makes no difference in which order
	// an outbox sent its backlog.
	slices.SortStableFunc(fixes, func(a, b candidate) int { return a.FixAt.Compare(b.FixAt) })
	fenced := *l.fences.byFleet.Load()
	for _, c := range fixes {
		if c.repeats(l.memory.seed, c.Position) {
			l.m.duplicates.Inc()
			continue
		}
		thin := &c.thin
		if c.Quarantined {
			thin = &c.thinFuture
			l.m.quarantined.Inc()
		} else {
			if c.latest == nil || c.FixAt.After(c.latest.FixAt) {
				c.latest = c.Position
			}
			if len(fenced) > 0 {
				c.see(fenced, c.Position)
			}
		}
		interval := l.interval(driver{c.Position.Fleet, c.Position.Driver})
		if interval <= 0 || thin.keep(&c.Fix, interval) {
			c.positions = append(c.positions, *c.Position)
			continue
		}
		c.thinOut(c.Position)
		l.m.thinned.Inc()
	}
}

// thinOut notes that p is left out of history.
func (it *item) thinOut(p *fleet.Position) {
	if it.thinned == nil {
		it.thinned = map[fleet.Source]int64{}
	}
	it.thinned[p.SourceOf()]++
	if p.HasSeq && p.Boot != "" {
		it.receipts = append(it.receipts, fleet.Receipt{Source: p.SourceOf(), Boot: p.Boot, Seq: p.Seq, FixAt: p.FixAt})
	}
}

// assemble makes a batch of judged items.
func assemble(items []*item, offset *fleet.Offset) *fleet.Batch {
	b := &fleet.Batch{Offset: offset, Thinned: map[fleet.Source]int64{}}
	newest := map[driver]*fleet.Position{}
	for _, it := range items {
		b.Positions = append(b.Positions, it.positions...)
		b.Receipts = append(b.Receipts, it.receipts...)
		b.Sightings = append(b.Sightings, it.sightings...)
		for s, n := range it.thinned {
			b.Thinned[s] += n
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
		if p := it.latest; p != nil {
			d := driver{p.Fleet, p.Driver}
			if old := newest[d]; old == nil || p.FixAt.After(old.FixAt) {
				newest[d] = p
			}
		}
	}
	b.Sightings = inOrder(b.Sightings)
	b.Latest = make([]fleet.Position, 0, len(newest))
	for _, p := range newest {
		b.Latest = append(b.Latest, *p)
	}
	return b
}
