package fleet

import "time"

// A Disagreement says that two sources of a driver put it in different places,
// or that they do so no longer.
type Disagreement struct {
	Fleet, Driver string
	FixAt         time.Time // of the fix that showed it
	At            time.Time // its receipt; zero: they agree again
}
