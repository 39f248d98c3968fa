package codec

import (
	"github.com/dray-fleet/dray/fleet"
)

// A Glance is what must be known of a fix to decide whether it is kept. Most are
// not, and to decode those would be in vain.
type Glance struct {
	FixAt, SentAt  int64 // microseconds since 1970; SentAt is 0 when it is not told
	Speed, Heading fleet.Opt
	Boot, Source   []byte // parts of what was read
	Seq            int64
	HasSeq         bool

	wire []byte
}

// Glances appends to dst what AppendFixes wrote, without decoding all of it.
// What it returns shares the memory of b.
func Glances(dst []Glance, b []byte) ([]Glance, error) {
	r := wireReader{b: b}
	n := r.uvarint()
	if r.bad || n > uint64(len(b)) {
		return dst, errWire
	}
	before := len(dst)
	for range n {
		var g Glance
		r.glance(&g)
		if r.bad {
			return dst[:before], errWire
		}
		dst = append(dst, g)
	}
	if len(r.b) > 0 {
		return dst[:before], errWire
	}
	return dst, nil
}

// Fix returns the whole of it. It shares no memory with g.
func (g *Glance) Fix() fleet.Fix {
	var f fleet.Fix
	r := wireReader{b: g.wire}
	r.fix(&f)
	return f
}

func (r *wireReader) glance(g *Glance) {
	begin := r.b
	mask := r.uvarint()
	if mask > wireAll {
		r.bad = true
	}
	g.FixAt = r.varint()
	r.skip(16) // latitude and longitude
	if mask&wireSentAt != 0 {
		g.SentAt = r.varint()
	}
	r.skip(8 * (int(mask/wireAccuracy&1) + int(mask/wireAltitude&1)))
	if mask&wireSpeed != 0 {
		g.Speed = fleet.Some(r.float())
	}
	if mask&wireHeading != 0 {
		g.Heading = fleet.Some(r.float())
	}
	r.skip(8 * int(mask/wireBattery&1))
	if mask&wireBoot != 0 {
		g.Boot = r.text()
	}
	if mask&wireSeq != 0 {
		g.Seq, g.HasSeq = r.varint(), true
	}
	if mask&wireSource != 0 {
		g.Source = r.text()
	}
	if mask&wireTrigger != 0 {
		r.text()
	}
	if mask&wireExt != 0 {
		r.text()
	}
	g.wire = begin[:len(begin)-len(r.b)]
}

func (r *wireReader) skip(n int) {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}
