package fleet

import "time"

// A Policy says how dense the history of a fleet, or of one driver, is kept.
type Policy struct {
	Fleet, Driver string        // without a driver it is that of the whole fleet
	MinInterval   time.Duration // of fix time between two positions; 0 keeps all
}

// Validate reports what of p can never be right, as an *InvalidError.
func (p *Policy) Validate() error {
	switch {
	case !ValidID(p.Fleet):
		return Invalid("fleet", "is not an id")
	case p.Driver != "" && !ValidID(p.Driver):
		return Invalid("driver", "is not an id")
	case p.MinInterval < 0 || p.MinInterval > time.Hour:
		return Invalid("min_interval", "must be between 0s and 1h")
	}
	return nil
}
