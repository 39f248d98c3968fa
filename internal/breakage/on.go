//go:build breakage

package breakage

import "os"

// Possible reports whether this program can be broken.
const Possible = true

var (
	AckBeforeAppend = os.Getenv("BREAK_DRAY") == "ack-before-append"
	AsyncSync       = os.Getenv("BREAK_DRAY") == "async-sync"
	NoDedupe        = os.Getenv("BREAK_DRAY") == "no-dedupe"
	NoOutbox        = os.Getenv("BREAK_DRAY") == "no-outbox"
)
