package fleet

import "time"

// A Position is a fix with its driver and source, as stored and drawn.
type Position struct {
	Fleet, Driver string
	Fix
	ReceivedAt  time.Time // by the broker's clock
	Quarantined bool      // too far in the future: stored and visible as such, never the latest
}

// A Source identifies one reporter for a driver.
type Source struct{ Fleet, Driver, Source string }

// SourceOf returns p's reporter.
func (p *Position) SourceOf() Source { return Source{p.Fleet, p.Driver, p.Source} }
