package ingest

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/internal/breakage"
)

const (
	rememberedSources = 50_000 // at least; at most twice as many, about 2 KB each
	rememberedFixes   = 128    // of a source, to know one that is sent again
)

// A source is what is remembered of one reporter.
type source struct {
	name   fleet.Source
	skew   skew
	seen   []uint64 // hashed keys of the latest fixes
	oldest int      // of seen, once it is full
	boot   string   // of the last numbered fix
	seq    int64    // the highest one of that boot
	at     int64    // the newest fix without one, in microseconds
	// Quarantined fixes are thinned by themselves: one that claims to be of
	// tomorrow must not take the place of tomorrow's.
	thin, thinFuture thinner
	member           *member   // of the sources of its driver
	forgot           time.Time // the erasure after which everything above was new; see forget

	// In the chunk that is being gathered: the candidates, -1 when there are none.
	first, last int32
	disordered  bool // they did not arrive in the order of their fix times
}

// repeats reports whether f was seen lately, and remembers it. The keys are
// those of the store: (boot, seq), or the fix time without them. What is beyond
// all that was seen need not be looked for.
func (s *source) repeats(seed maphash.Seed, f *candidate) bool {
	var key uint64
	var beyond bool
	switch {
	case !f.numbered():
		key, beyond = uint64(f.FixAt), f.FixAt > s.at
		s.at = max(s.at, f.FixAt)
	case string(f.Boot) == s.boot:
		key, beyond = s.key(seed, f), f.Seq > s.seq
		s.seq = max(s.seq, f.Seq)
	default:
		key = s.key(seed, f)
		// Of a boot that is not the first one nobody knows here what came before.
		known := s.boot != ""
		if s.boot, s.seq = string(f.Boot), f.Seq; known {
			s.seq = math.MaxInt64
		}
	}
	if !beyond && !breakage.NoDedupe && slices.Contains(s.seen, key) {
		return true
	}
	if len(s.seen) < rememberedFixes {
		s.seen = append(s.seen, key)
		return false
	}
	s.seen[s.oldest] = key
	s.oldest = (s.oldest + 1) % rememberedFixes
	return false
}

func (s *source) key(seed maphash.Seed, f *candidate) uint64 {
	return maphash.Bytes(seed, f.Boot) + uint64(f.Seq)
}

// numbered reports whether the number of f tells it apart.
func (f *candidate) numbered() bool { return f.HasSeq && len(f.Boot) > 0 }

// A memory holds the sources used last, in two generations: when the young one
// is full it becomes the old one, and what was not used since is forgotten.
type memory struct {
	seed       maphash.Seed
	young, old map[fleet.Source]*source
	stored     map[fleet.Source][]kept // of sources not heard yet: what was kept of them before, as the store says
	// What the sources of a driver have in common; one whose driver is forgotten
	// here keeps what it knew.
	youngGroups, oldGroups map[driver]*group
}

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), young: map[fleet.Source]*source{}, youngGroups: map[driver]*group{}}
}

// of returns the source of that name of a driver.
func (m *memory) of(fleetID, driverID string, name []byte) *source {
	if s, ok := m.young[fleet.Source{Fleet: fleetID, Driver: driverID, Source: string(name)}]; ok {
		return s
	}
	// The names are parts of a whole frame's text; do not keep that alive.
	id := fleet.Source{Fleet: strings.Clone(fleetID), Driver: strings.Clone(driverID), Source: string(name)}
	s, ok := m.old[id]
	if !ok {
		s = &source{name: id, first: -1, member: m.groupOf(driver{id.Fleet, id.Driver}).join()}
		for _, k := range m.stored[id] {
			s.thin.remember(k)
		}
		delete(m.stored, id)
	}
	if len(m.young) >= rememberedSources {
		m.young, m.old = make(map[fleet.Source]*source, rememberedSources), m.young
	}
	m.young[id] = s
	return s
}

func (m *memory) groupOf(d driver) *group {
	if g, ok := m.youngGroups[d]; ok {
		return g
	}
	g, ok := m.oldGroups[d]
	if !ok {
		g = &group{}
	}
	if len(m.youngGroups) >= rememberedSources {
		m.youngGroups, m.oldGroups = make(map[driver]*group, rememberedSources), m.youngGroups
	}
	m.youngGroups[d] = g
	return g
}
