package fleet

import "time"

// A Receipt says that a run of numbered fixes arrived although they are not kept
// in history, so that they are not taken for missing.
type Receipt struct {
	Source      Source
	Boot        string
	First, Last int64     // their numbers
	From, To    time.Time // the fix times of these two
}

// A Gap is a run of numbers that a reporter must have given to fixes that never
// arrived.
type Gap struct {
	Source, Boot string
	FirstSeq     int64
	LastSeq      int64
	From, To     time.Time // fix times of the neighbours that did arrive
}

// Missing returns how many fixes are missing.
func (g Gap) Missing() int64 { return g.LastSeq - g.FirstSeq + 1 }
