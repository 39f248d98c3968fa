package ingest

import (
	"time"

	"github.com/dray-fleet/dray/codec"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/stream"
)

// A chunk is some records on their way from the stream to a batch, and the fixes
// in them. Most fixes are thinned, and under load there are very many: so a fix
// is only glanced at until it is known to be kept, and chunks are used again.
type chunk struct {
	records []stream.Record
	items   []*item // by record; nil where nothing is to be stored
	fixes   []candidate
	sources []*source // that the fixes are of
	glances []codec.Glance
	bytes   int  // of the records, about
	urgent  bool // somebody waits for what a record says
}

// A candidate is a fix that is to be judged.
type candidate struct {
	codec.Glance
	record int32 // its index in the chunk
	next   int32 // candidate of the same source, in the order of arrival; -1 is none
}

// full reports whether there are n fixes or records, which are judged together.
func (c *chunk) full(n int) bool { return len(c.fixes) >= n || len(c.records) >= n }

// reset empties the chunk. What it held is let go.
func (c *chunk) reset() {
	clear(c.records)
	clear(c.items)
	clear(c.fixes)
	clear(c.glances)
	clear(c.sources)
	*c = chunk{records: c.records[:0], items: c.items[:0], fixes: c.fixes[:0], glances: c.glances[:0], sources: c.sources[:0]}
}

// item returns that of record i, which carries what is to be stored of it.
func (c *chunk) item(i int32, from fleet.Source) *item {
	if c.items[i] == nil {
		u := fleet.Upstream{Fleet: from.Fleet, Driver: from.Driver, Kind: fleet.KindLocation}
		c.items[i] = &item{Record: c.records[i], from: u}
	}
	return c.items[i]
}

// position returns the whole of candidate f.
func (c *chunk) position(f *candidate, from fleet.Source) fleet.Position {
	p := fleet.Position{Fleet: from.Fleet, Driver: from.Driver, Fix: f.Fix(), ReceivedAt: c.records[f.record].ReceivedAt}
	p.Source = from.Source
	return p
}

// take decodes the records of c that were added behind the first n.
func (l *lane) take(c *chunk, n int) {
	for i := n; i < len(c.records); i++ {
		r := &c.records[i]
		c.bytes += len(r.Topic) + len(r.Payload)
		c.items = append(c.items, nil)
		if !r.Decoded {
			c.items[i] = l.decode(c, i)
			c.urgent = c.urgent || c.items[i].urgent()
			continue
		}
		from, ok := fleet.ParseUpstream(r.Topic)
		if !ok || l.addFixes(c, i, from, r.Payload) != nil {
			c.items[i] = l.decode(c, i)
		}
	}
}

// addFixes adds the fixes of record i, in the form of codec.AppendFixes.
func (l *lane) addFixes(c *chunk, i int, from fleet.Upstream, wire []byte) (err error) {
	if c.glances, err = codec.Glances(c.glances[:0], wire); err != nil {
		return err
	}
	r := &c.records[i]
	var s *source
	for j := range c.glances {
		g := &c.glances[j]
		if len(g.Source) == 0 && r.Role == fleet.RoleDevice {
			g.Source = []byte(defaultSource(&r.Publication))
		}
		s = l.memory.of(from.Fleet, from.Driver, g.Source)
		at := int32(len(c.fixes))
		c.fixes = append(c.fixes, candidate{Glance: *g, record: int32(i), next: -1})
		if s.first < 0 {
			s.first = at
			c.sources = append(c.sources, s)
		} else {
			last := &c.fixes[s.last]
			last.next = at
			s.disordered = s.disordered || g.FixAt < last.FixAt
		}
		s.last = at
	}
	// One publication is one reading of the device's clock.
	if n := len(c.glances); n > 0 && c.glances[n-1].SentAt != 0 {
		s.skew.learn(time.UnixMicro(c.glances[n-1].SentAt), r.ReceivedAt)
	}
	return nil
}
