package ingest

import (
	"slices"
	"time"
)

// maxAhead is how far a fix may be ahead of the server (docs/history.md).
const maxAhead = 2 * time.Minute

// A skew is how far a source's clock is ahead of the server, learned from the
// last few publications that say when they were sent. The median of them: one
// wild clock reading neither excuses a fix nor condemns the next.
type skew struct {
	samples [5]time.Duration
	n       int // ever learned
}

const skewNeeds = 3 // samples before a skew is believed

func (s *skew) learn(sent, received time.Time) {
	s.samples[s.n%len(s.samples)] = sent.Sub(received)
	s.n++
}

// ahead is at least 0: a message that was under way for long looks like a clock
// that is behind, and must not make a timely fix look like one of the future.
func (s *skew) ahead() time.Duration {
	if s.n < skewNeeds {
		return 0
	}
	sorted := s.samples
	known := sorted[:min(s.n, len(sorted))]
	slices.Sort(known)
	return max(known[(len(known)-1)/2], 0)
}

// future reports whether a fix is too far ahead of its receipt to be believed,
// by a clock that is known to be so far ahead.
func future(fixAt, received time.Time, ahead time.Duration) bool {
	return fixAt.Add(-ahead).After(received.Add(maxAhead))
}
