package ingest

import (
	"hash/maphash"
	"strings"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
)

const (
	rememberedSources = 50_000 // at least; at most twice as many, about 2 KB each
	rememberedFixes   = 128    // of a source, to know one that is sent again
)

// A source is what is remembered of one reporter.
type source struct {
	skew   skew
	seen   []uint64 // hashed keys of the latest fixes
	oldest int      // of seen, once it is full
	// Quarantined fixes are thinned by themselves: one that claims to be of
	// tomorrow must not take the place of tomorrow's.
	thin, thinFuture thinner
}

// repeats reports whether p was seen lately, and remembers it. The keys are
// those of the store: (boot, seq), or the fix time without them.
func (s *source) repeats(seed maphash.Seed, p *fleet.Position) bool {
	var key uint64
	if p.HasSeq && p.Boot != "" {
		key = maphash.Comparable(seed, struct {
			boot string
			seq  int64
		}{p.Boot, p.Seq})
	} else {
		key = maphash.Comparable(seed, p.FixAt.UnixMicro())
	}
	for _, k := range s.seen {
		if k == key && !breakage.NoDedupe {
			return true
		}
	}
	if len(s.seen) < rememberedFixes {
		s.seen = append(s.seen, key)
		return false
	}
	s.seen[s.oldest] = key
	s.oldest = (s.oldest + 1) % rememberedFixes
	return false
}

// A memory holds the sources used last, in two generations: when the young one
// is full it becomes the old one, and what was not used since is forgotten.
type memory struct {
	seed       maphash.Seed
	young, old map[fleet.Source]*source
}

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), young: map[fleet.Source]*source{}}
}

func (m *memory) of(id fleet.Source) *source {
	if s, ok := m.young[id]; ok {
		return s
	}
	s, ok := m.old[id]
	if !ok {
		s = &source{}
	}
	if len(m.young) >= rememberedSources {
		m.young, m.old = make(map[fleet.Source]*source, rememberedSources), m.young
	}
	// The names are parts of a whole frame's text; do not keep that alive.
	m.young[fleet.Source{Fleet: strings.Clone(id.Fleet), Driver: strings.Clone(id.Driver), Source: strings.Clone(id.Source)}] = s
	return s
}
