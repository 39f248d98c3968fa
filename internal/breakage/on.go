//go:build breakage

package breakage

import "os"

var (
	AckBeforeAppend = os.Getenv("BREAK_DRAY") == "ack-before-append"
	AsyncSync       = os.Getenv("BREAK_DRAY") == "async-sync"
	NoDedupe        = os.Getenv("BREAK_DRAY") == "no-dedupe"
)
