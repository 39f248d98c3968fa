package fleet

import (
	"time"
	_ "time/tzdata" // for machines without a zone database, such as a container from scratch
)

// A Fleet is a tenant. Everything belongs to exactly one; nothing crosses.
type Fleet struct {
	ID        string
	TimeZone  string // IANA name, in which its days begin; empty: not set
	CreatedAt time.Time
}

// Validate reports what of f can never be right, as an *InvalidError.
func (f *Fleet) Validate() error {
	switch {
	case !ValidID(f.ID):
		return Invalid("fleet", "is not an id")
	case f.TimeZone != "" && !validZone(f.TimeZone):
		return Invalid("time_zone", "is not the name of a time zone, such as Europe/Berlin")
	}
	return nil
}

// validZone reports whether name is of the IANA time zone database. Those are
// capitalised, unlike the other files that systems keep beside them.
func validZone(name string) bool {
	if name[0] < 'A' || name[0] > 'Z' || name == "Local" || name == "Factory" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
