package fleet

import "time"

// Vitals is how the way from the stream to the store is doing in one process.
type Vitals struct {
	StreamBytes    int64 // of the disk, by what is kept
	StreamMaxBytes int64
	Fill           float64 // of the fullest partition, 0 to 1
	Backlog        int64   // frames that are not saved yet
	Full           bool    // publishers are refused

	Saved     int64         // publications, since the start; 0 in a process without ingest
	SaveDelay time.Duration // from receipt to commit, of all of them together
}
