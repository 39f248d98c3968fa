package ledger

import (
	"time"

	"github.com/dray-fleet/dray/fleet"
)

// Gaps returns what is missing between from and to.
func (l *Ledger) Gaps(source, boot string, from, to time.Time) []fleet.Gap {
	var gaps []fleet.Gap
	for _, g := range l.Missing {
		gap := fleet.Gap{Source: source, Boot: boot, FirstSeq: g.First, LastSeq: g.Last,
			From: time.UnixMicro(g.From).UTC(), To: time.UnixMicro(g.To).UTC()}
		if gap.From.Before(to) && !gap.To.Before(from) {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}
