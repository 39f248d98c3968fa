package fleet

import "time"

// Packing says what a pass of compaction did.
type Packing struct {
	Hours     int // driver-hours written, new or with late positions
	Positions int // plain rows that went into them
	Left      int // plain rows of hours too dense to be packed, which stay
}

// Retention says how long the history of a fleet is kept. 0 is for ever. Trips
// are kept for ever.
type Retention struct {
	Fleet        string
	RawDays      int // quarantined fixes and dead letters, from their receipt
	PackedMonths int // positions, from their fix time
}

// Validate reports what of r can never be right, as an *InvalidError.
func (r *Retention) Validate() error {
	switch {
	case !ValidID(r.Fleet):
		return Invalid("fleet", "is not an id")
	case r.RawDays < 0 || r.RawDays > 36_500:
		return Invalid("raw_days", "must be between 0 and 36500")
	case r.PackedMonths < 0 || r.PackedMonths > 1200:
		return Invalid("packed_months", "must be between 0 and 1200")
	}
	return nil
}

// An Expiry is what retention removes, or would remove, of one fleet.
type Expiry struct {
	Fleet       string
	Before      time.Time // positions older than this, a whole hour; zero when they are kept
	RawBefore   time.Time
	Positions   int64
	Bytes       int64 // of packed positions
	Quarantined int64
	DeadLetters int64
}

// A RetentionClock is when retention last looked at the clock and since when it
// goes steadily. The zero value is one never looked at.
type RetentionClock struct{ Seen, Steady time.Time }

// Usage is the size of the database at a time, in bytes.
type Usage struct {
	At    time.Time
	Bytes int64
}

// UsageKept is how long the sizes of the database are remembered.
const UsageKept = 30 * 24 * time.Hour

// Space is how large the database is, in bytes, and the folder that holds it:
// empty when that is on another machine, or not told.
type Space struct {
	Bytes  int64
	Folder string
}

// A Forecast says how long the disk of the database will do.
type Forecast struct {
	Bytes   int64 // of the database now
	Free    int64 // that it may still take
	HasFree bool
	Daily   int64     // by which it grew in the last days, and shrank when negative
	Since   time.Time // when what Daily is taken from begins; zero when that is not known
	FullAt  time.Time // zero when that is not known, or not in 100 years
}

// An Erasure says what was erased of a driver.
type Erasure struct {
	Positions   int64 `json:"positions"` // packed ones among them
	Quarantined int64 `json:"quarantined"`
	Trips       int64 `json:"trips"`
	DeadLetters int64 `json:"dead_letters"`
	Proofs      int64 `json:"proofs"` // photos and signatures of deliveries
}

// A ProofFile is a photo or signature of a delivery, and whose delivery it was.
type ProofFile struct{ Fleet, Shipment, ID, Driver string }

// ReplayAge is how old a position may be to stand for where a driver is at a
// moment of the past.
const ReplayAge = 30 * time.Minute
