package batch

import "time"

// What LastKept of a store reads at most: at the start of an ingest worker it has
// to take no longer than a moment.
const (
	KeptDrivers = 20_000         // those heard last
	KeptHeard   = time.Hour      // before the newest receipt of all
	KeptBehind  = 24 * time.Hour // before the driver's latest position, which may be ahead of its history
	KeptEach    = 4              // positions of a driver: of several sources, or after turns
)
