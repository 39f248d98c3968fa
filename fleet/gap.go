package fleet

import "time"

// A Receipt says that a numbered fix arrived although it is not kept in
// history, so that it is not taken for missing.
type Receipt struct {
	Source Source
	Boot   string
	Seq    int64
	FixAt  time.Time
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
