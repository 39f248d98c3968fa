//go:build !breakage

package breakage

const (
	Possible = false // this program can be broken

	AckBeforeAppend = false // a publish is acknowledged before the stream has it
	AsyncSync       = false // the stream answers before it has written
	NoDedupe        = false // nothing tells a report that comes again
	NoOutbox        = false // what was not told when the process ended is forgotten
)
